#pragma once
#include <libwebsockets.h>
// What libwebsockets does its TLS with: for the authorities that a client trusts and the reason of a refusal.
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// LWS_PRE is a nested function-like macro, which Swift cannot import.
enum { LWS_WRITE_PADDING = LWS_PRE };
