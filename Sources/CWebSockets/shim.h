#pragma once
#include <libwebsockets.h>

// LWS_PRE is a nested function-like macro, which Swift cannot import.
enum { LWS_WRITE_PADDING = LWS_PRE };
