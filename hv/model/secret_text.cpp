#include "hv/model/secret_text.h"

#include <algorithm>
#include <cctype>

namespace hv {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

bool names_password(std::string_view text, std::size_t end) {
  for (const std::string_view name : {"passwd", "password"}) {
    if (end < name.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < name.size(); ++i)
      same =
          same && std::tolower(static_cast<unsigned char>(text[end - name.size() + i])) == name[i];
    if (same) return true;
  }
  return false;
}

}  // namespace

std::string without_passwords(std::string_view text) {
  std::string out;
  std::size_t copied = 0;
  for (std::size_t equals = text.find('='); equals != std::string_view::npos;
       equals = text.find('=', equals + 1)) {
    if (equals < copied) continue;  // inside a value that was left out
    std::size_t end = equals;
    while (end > 0 && text[end - 1] == ' ') --end;
    if (end == 0 || !is_word(text[end - 1]) || !names_password(text, end)) continue;
    const std::size_t value_end = std::min(text.find(',', equals), text.size());
    if (value_end == equals + 1) continue;  // `vncpasswd=`: there is none
    out += text.substr(copied, equals + 1 - copied);
    out += "(secret)";
    copied = value_end;
  }
  return out + std::string(text.substr(copied));
}

}  // namespace hv
