#pragma once
#include <malloc.h>
#include <spawn.h>

// In glibc since 2.34, but behind a macro that Swift's view of <spawn.h> is made without.
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
