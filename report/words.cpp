#include "report/words.h"

#include "hv/model/secret_text.h"

namespace hv {

std::string Paint::operator()(const char* code, std::string_view text) const {
  if (!on) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::size_t columns(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++n;
  return n;
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t have = columns(text);
  if (have < width) text.append(width - have, ' ');
  return text;
}

std::string plural(std::size_t n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

std::string describe(const Vbd& vbd) {
  if (vbd.source.empty()) return "(empty)";
  std::string text = vbd.backend == "vd" ? "vdisk." + vbd.source : without_passwords(vbd.source);
  if (!vbd.backend.empty() && vbd.backend != "vd") text = vbd.backend + ":" + text;
  return text + " (" + std::string(to_string(vbd.mode)) + ")";
}

}  // namespace hv
