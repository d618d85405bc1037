// Passwords inside strings: what of `vncpasswd=hush` an output may show.
//
// Any thread.
#pragma once

#include <string>
#include <string_view>

namespace hv {

// The text with `(secret)` for the value of each option whose name ends in `passwd` or `password`,
// as in the strings of frame buffers and of iSCSI disks. For showing only: drivers get the whole.
std::string without_passwords(std::string_view text);

}  // namespace hv
