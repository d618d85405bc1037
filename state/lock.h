// What state/ itself needs of the lock: whose folder it is, and which filesystems can be trusted.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "state/store.h"

namespace hv::state {

// The name of the filesystem with that statfs() magic, if its locks or its fsync cannot be relied
// on: another host, or another program, is behind it.
std::optional<std::string_view> remote_filesystem(unsigned long magic);

// Code::state_not_local where the folder lies on one of those.
Status check_filesystem(const std::string& folder, unsigned long magic);

// Whether `lock` is one of lock_state(folder).
bool is_lock_of(const StateLock& lock, const std::string& folder);

// How the holder is written into the lock file, for people and for holder_in().
std::string holder_text(const LockHolder& holder);
LockHolder holder_in(std::string_view text);
std::string describe(const LockHolder& holder);

}  // namespace hv::state
