#include "base/hash.h"

#include <sha1.h>
#include <sha2.h>
#include <sys/types.h>

namespace hv {

std::string sha1(std::string_view data) {
  SHA1_CTX context;
  uint8_t digest[SHA1_DIGEST_LENGTH];
  SHA1Init(&context);
  SHA1Update(&context, reinterpret_cast<const uint8_t*>(data.data()), data.size());
  SHA1Final(digest, &context);
  return std::string(reinterpret_cast<const char*>(digest), sizeof digest);
}

std::string sha256(std::string_view data) {
  SHA2_CTX context;
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256Init(&context);
  SHA256Update(&context, reinterpret_cast<const uint8_t*>(data.data()), data.size());
  SHA256Final(digest, &context);
  return std::string(reinterpret_cast<const char*>(digest), sizeof digest);
}

std::string to_hex(std::string_view octets) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(octets.size() * 2);
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    text += kHex[octet >> 4];
    text += kHex[octet & 15];
  }
  return text;
}

std::string sha256_hex(std::string_view data) {
  return to_hex(sha256(data));
}

}  // namespace hv
