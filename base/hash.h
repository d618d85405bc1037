// Digests: SHA-256 for inputs, records and plans, SHA-1 for version-5 UUIDs only.
#pragma once

#include <string>
#include <string_view>

namespace hv {

std::string sha1(std::string_view data);        // 20 raw octets
std::string sha256(std::string_view data);      // 32 raw octets
std::string to_hex(std::string_view octets);    // lower case
std::string sha256_hex(std::string_view data);  // 64 characters

}  // namespace hv
