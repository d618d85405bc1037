// Methods of str.
#include <algorithm>
#include <cctype>
#include <climits>

#include "compiler/interp.h"
#include "compiler/methods.h"

namespace hv::compiler {
namespace {

V like(const V& self, std::string text) {
  return is_secret(self) ? make_secret(std::move(text)) : V::string(std::move(text));
}

template <int (*Convert)(int)>
V str_mapped(Call&, const V& self) {
  std::string text = self.text();
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x80) c = static_cast<char>(Convert(c));
  return like(self, std::move(text));
}

V str_capitalize(Call&, const V& self) {
  std::string text = self.text();
  for (std::size_t i = 0; i < text.size(); ++i)
    if (static_cast<unsigned char>(text[i]) < 0x80)
      text[i] = static_cast<char>(i == 0 ? std::toupper(text[i]) : std::tolower(text[i]));
  return like(self, std::move(text));
}

V str_title(Call&, const V& self) {
  std::string text = self.text();
  bool inside = false;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) continue;
    const bool letter = std::isalpha(static_cast<unsigned char>(c)) != 0;
    if (letter) c = static_cast<char>(inside ? std::tolower(c) : std::toupper(c));
    inside = letter;
  }
  return like(self, std::move(text));
}

V str_swapcase(Call&, const V& self) {
  std::string text = self.text();
  for (char& c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x80)
      c = static_cast<char>(std::isupper(octet) != 0 ? std::tolower(octet) : std::toupper(octet));
  }
  return like(self, std::move(text));
}

V strip(Call& call, const V& self, bool left, bool right) {
  std::string set = " \t\n\r\f\v";
  if (!call.positional.empty() && !call.positional[0].is(Tag::none)) {
    auto given = text_argument(call, 0, "strip(\"characters\")");
    if (!given) return V::failed();
    set = *given;
  }
  const std::string& text = self.text();
  std::size_t begin = left ? text.find_first_not_of(set) : 0;
  if (begin == std::string::npos) return like(self, "");
  std::size_t end = right ? text.find_last_not_of(set) : text.size() - 1;
  if (end == std::string::npos) return like(self, "");
  return like(self, text.substr(begin, end + 1 - begin));
}
V str_strip(Call& call, const V& self) {
  return strip(call, self, true, true);
}
V str_lstrip(Call& call, const V& self) {
  return strip(call, self, true, false);
}
V str_rstrip(Call& call, const V& self) {
  return strip(call, self, false, true);
}

V split_text(Call& call, const V& self, bool from_right) {
  const std::string& text = self.text();
  int64_t most = -1;
  if (call.positional.size() > 1 && call.positional[1].is_integral())
    most = call.positional[1].integer();
  for (auto& [name, value] : call.keywords)
    if (name == "maxsplit" && value.is_integral()) most = value.integer();
  std::vector<V> parts;
  if (call.positional.empty() || call.positional[0].is(Tag::none)) {
    std::size_t i = 0;
    const auto blank = [&](std::size_t at) {
      return std::isspace(static_cast<unsigned char>(text[at])) != 0;
    };
    while (i < text.size() && !Meter::exhausted()) {
      Meter::work += 4;
      while (i < text.size() && blank(i)) ++i;
      if (i >= text.size()) break;
      if (most >= 0 && static_cast<int64_t>(parts.size()) >= most && !from_right) {
        std::size_t end = text.size();
        while (end > i && blank(end - 1)) --end;
        parts.push_back(like(self, text.substr(i, end - i)));
        break;
      }
      std::size_t j = i;
      while (j < text.size() && !blank(j)) ++j;
      parts.push_back(like(self, text.substr(i, j - i)));
      i = j;
    }
    return make_list(std::move(parts));
  }
  auto by = text_argument(call, 0, "split(\"separator\")");
  if (!by) return V::failed();
  if (by->empty()) return call.interp.raise(call.span, "ValueError", "the separator is empty");
  if (from_right) {
    std::size_t end = text.size();
    while (!Meter::exhausted()) {
      Meter::work += 4;
      const std::size_t at =
          (most >= 0 && static_cast<int64_t>(parts.size()) >= most) || end < by->size()
              ? std::string::npos
              : text.rfind(*by, end - by->size());
      if (at == std::string::npos) break;
      parts.push_back(like(self, text.substr(at + by->size(), end - at - by->size())));
      end = at;
    }
    parts.push_back(like(self, text.substr(0, end)));
    std::reverse(parts.begin(), parts.end());
    return make_list(std::move(parts));
  }
  std::size_t begin = 0;
  while (!Meter::exhausted()) {
    Meter::work += 4;
    const std::size_t at = most >= 0 && static_cast<int64_t>(parts.size()) >= most
                               ? std::string::npos
                               : text.find(*by, begin);
    if (at == std::string::npos) break;
    parts.push_back(like(self, text.substr(begin, at - begin)));
    begin = at + by->size();
  }
  parts.push_back(like(self, text.substr(begin)));
  return make_list(std::move(parts));
}
V str_split(Call& call, const V& self) {
  return split_text(call, self, false);
}
V str_rsplit(Call& call, const V& self) {
  const bool by_text = !call.positional.empty() && call.positional[0].is(Tag::string);
  return split_text(call, self, by_text);
}

V str_splitlines(Call&, const V& self) {
  std::vector<V> lines;
  const std::string& text = self.text();
  for (std::size_t i = 0; i < text.size() && !Meter::exhausted();) {
    Meter::work += 4;
    std::size_t end = text.find_first_of("\r\n", i);
    if (end == std::string::npos) end = text.size();
    lines.push_back(like(self, text.substr(i, end - i)));
    i = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
  }
  return make_list(std::move(lines));
}

V str_join(Call& call, const V& self) {
  if (call.positional.size() != 1) return wrong(call, "\", \".join(list)");
  std::string out;
  bool first = true, secret = is_secret(self);
  const bool ok = call.interp.iterate(call.positional[0], call.span, [&](const V& each) {
    if (!each.is(Tag::string)) {
      call.interp.raise(call.span, "TypeError",
                        "`join` takes strings, not " + with_article(type_name(each)));
      return false;
    }
    if (!first) out += self.text();
    first = false;
    secret = secret || is_secret(each);
    out += each.text();
    Meter::spend(each.text().size());
    return call.interp.room_for(static_cast<int64_t>(out.size()), call.span);
  });
  if (!ok) return V::failed();
  return secret ? make_secret(std::move(out)) : V::string(std::move(out));
}

int64_t code_point_index(const std::string& text, std::size_t at) {
  int64_t n = 0;
  for (std::size_t i = 0; i < at; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) ++n;
  return n;
}

V str_replace(Call& call, const V& self) {
  auto from = text_argument(call, 0, "replace(\"old\", \"new\")");
  if (!from) return V::failed();
  auto to = text_argument(call, 1, "replace(\"old\", \"new\")");
  if (!to) return V::failed();
  int64_t most = -1;
  if (call.positional.size() > 2 && call.positional[2].is_integral())
    most = call.positional[2].integer();
  const std::string& text = self.text();
  std::string out;
  std::size_t i = 0;
  while (i <= text.size()) {
    const bool more = most < 0 || most-- > 0;
    std::size_t at = more ? text.find(*from, i) : std::string::npos;
    if (at == std::string::npos || (from->empty() && at >= text.size())) {
      out += text.substr(i);
      if (more && from->empty()) out += *to;
      break;
    }
    out += text.substr(i, at - i) + *to;
    i = at + from->size();
    if (from->empty()) {  // between characters, not inside one
      do out += text[i++];
      while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80);
    }
    Meter::work += 2;
    Meter::spend(to->size());
    if (Meter::exhausted() || !call.interp.room_for(static_cast<int64_t>(out.size()), call.span))
      return V::failed();
  }
  return like(self, std::move(out));
}

V affix(Call& call, const V& self, bool prefix) {
  if (call.positional.empty()) return wrong(call, prefix ? "startswith(\"x\")" : "endswith(\"x\")");
  const auto test = [&](const V& v) {
    if (!v.is(Tag::string)) return false;
    return prefix ? self.text().starts_with(v.text()) : self.text().ends_with(v.text());
  };
  if (call.positional[0].is(Tag::tuple)) {
    for (const V& each : call.positional[0].as<SequenceObject>().items)
      if (test(each)) return V::boolean(true);
    return V::boolean(false);
  }
  return V::boolean(test(call.positional[0]));
}
V str_startswith(Call& call, const V& self) {
  return affix(call, self, true);
}
V str_endswith(Call& call, const V& self) {
  return affix(call, self, false);
}

V find_text(Call& call, const V& self, bool right, bool must) {
  auto what = text_argument(call, 0, "find(\"text\")");
  if (!what) return V::failed();
  std::size_t from = 0;
  if (call.positional.size() > 1 && call.positional[1].is_integral() && !right)
    from = static_cast<std::size_t>(std::clamp<int64_t>(call.positional[1].integer(), 0,
                                                        static_cast<int64_t>(self.text().size())));
  const std::size_t at = right ? self.text().rfind(*what) : self.text().find(*what, from);
  if (at != std::string::npos) return V::integer(code_point_index(self.text(), at));
  if (must) return call.interp.raise(call.span, "ValueError", "the text is not found");
  return V::integer(-1);
}
V str_find(Call& call, const V& self) {
  return find_text(call, self, false, false);
}
V str_rfind(Call& call, const V& self) {
  return find_text(call, self, true, false);
}
V str_index(Call& call, const V& self) {
  return find_text(call, self, false, true);
}
V str_rindex(Call& call, const V& self) {
  return find_text(call, self, true, true);
}

V str_count(Call& call, const V& self) {
  auto what = text_argument(call, 0, "count(\"text\")");
  if (!what) return V::failed();
  int64_t n = 0;
  if (what->empty()) return V::integer(code_point_index(self.text(), self.text().size()) + 1);
  for (std::size_t at = 0; (at = self.text().find(*what, at)) != std::string::npos;
       at += what->size())
    ++n;
  return V::integer(n);
}

template <int (*Test)(int)>
V str_test(Call&, const V& self) {
  const std::string& text = self.text();
  return V::boolean(!text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return Test(static_cast<unsigned char>(c)) != 0;
  }));
}
V str_isupper(Call&, const V& self) {
  bool any = false;
  for (const char c : self.text()) {
    if (std::islower(static_cast<unsigned char>(c)) != 0) return V::boolean(false);
    any = any || std::isupper(static_cast<unsigned char>(c)) != 0;
  }
  return V::boolean(any);
}
V str_islower(Call&, const V& self) {
  bool any = false;
  for (const char c : self.text()) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0) return V::boolean(false);
    any = any || std::islower(static_cast<unsigned char>(c)) != 0;
  }
  return V::boolean(any);
}

V justify(Call& call, const V& self, char align) {
  if (call.positional.empty() || !call.positional[0].is_integral())
    return wrong(call, "ljust(width)");
  std::string fill = call.positional.size() > 1 && call.positional[1].is(Tag::string)
                         ? call.positional[1].text()
                         : " ";
  const std::string spec =
      fill + align + std::to_string(std::clamp<int64_t>(call.positional[0].integer(), 0, INT_MAX));
  return call.interp.format_value(self, spec, call.span);
}
V str_ljust(Call& call, const V& self) {
  return justify(call, self, '<');
}
V str_rjust(Call& call, const V& self) {
  return justify(call, self, '>');
}
// Python puts the odd blank to the left where the width is odd.
V str_center(Call& call, const V& self) {
  if (call.positional.empty() || !call.positional[0].is_integral())
    return wrong(call, "center(width)");
  const std::string& text = self.text();
  const int64_t width = std::clamp<int64_t>(call.positional[0].integer(), 0, INT_MAX);
  if (call.interp.too_wide(static_cast<int>(width), 0, call.span)) return V::failed();
  const int64_t missing = width - code_point_index(text, text.size());
  if (missing <= 0) return self;
  const std::string fill = call.positional.size() > 1 && call.positional[1].is(Tag::string)
                               ? call.positional[1].text()
                               : " ";
  const int64_t left = missing / 2 + (missing & width & 1);
  std::string out;
  for (int64_t i = 0; i < missing; ++i) out += (i == left ? text : "") + fill;
  return like(self, left == missing ? out + text : out);
}

V str_zfill(Call& call, const V& self) {
  if (call.positional.empty() || !call.positional[0].is_integral())
    return wrong(call, "zfill(width)");
  std::string text = self.text();
  const int64_t width = std::clamp<int64_t>(call.positional[0].integer(), 0, INT_MAX);
  if (call.interp.too_wide(static_cast<int>(width), 0, call.span)) return V::failed();
  const int64_t missing = width - code_point_index(text, text.size());
  const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  if (missing > 0) text.insert(sign, static_cast<std::size_t>(missing), '0');
  return like(self, std::move(text));
}

V partition(Call& call, const V& self, bool right) {
  auto by = text_argument(call, 0, "partition(\"separator\")");
  if (!by) return V::failed();
  const std::string& text = self.text();
  const std::size_t at = right ? text.rfind(*by) : text.find(*by);
  if (at == std::string::npos)
    return right ? make_tuple({V::string(""), V::string(""), self})
                 : make_tuple({self, V::string(""), V::string("")});
  return make_tuple(
      {like(self, text.substr(0, at)), V::string(*by), like(self, text.substr(at + by->size()))});
}
V str_partition(Call& call, const V& self) {
  return partition(call, self, false);
}
V str_rpartition(Call& call, const V& self) {
  return partition(call, self, true);
}

V str_format(Call& call, const V& self) {
  const std::string& text = self.text();
  std::string out;
  std::size_t next = 0;
  bool secret = is_secret(self);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{' && i + 1 < text.size() && text[i + 1] == '{') {
      out += '{';
      ++i;
      continue;
    }
    if (text[i] == '}') {
      out += '}';
      if (i + 1 < text.size() && text[i + 1] == '}') ++i;
      continue;
    }
    if (text[i] != '{') {
      out += text[i];
      continue;
    }
    const std::size_t close = text.find('}', i);
    if (close == std::string::npos)
      return call.interp.raise(call.span, "ValueError", "a `{` in the format without its `}`");
    std::string field = text.substr(i + 1, close - i - 1), spec;
    char conversion = 0;
    if (const std::size_t colon = field.find(':'); colon != std::string::npos) {
      spec = field.substr(colon + 1);
      field.resize(colon);
    }
    if (const std::size_t mark = field.find('!'); mark != std::string::npos) {
      conversion = mark + 1 < field.size() ? field[mark + 1] : 's';
      field.resize(mark);
    }
    V value = V::failed();
    if (field.empty()) {
      if (next < call.positional.size()) value = call.positional[next++];
    } else if (std::all_of(field.begin(), field.end(),
                           [](char c) { return c >= '0' && c <= '9'; }) &&
               field.size() < 6) {
      const auto at = static_cast<std::size_t>(std::stoi(field));
      if (at < call.positional.size()) value = call.positional[at];
    } else {
      for (auto& [name, each] : call.keywords)
        if (name == field) value = each;
    }
    if (value.is_failed())
      return call.interp.raise(call.span, "IndexError",
                               "the format has no value for `{" + field + "}`");
    secret = secret || is_secret(value);
    if (conversion == 'r') value = V::string(repr(value));
    V made = call.interp.format_value(value, spec, call.span);
    if (made.is_failed()) return made;
    out += made.text();
    i = close;
  }
  return secret ? make_secret(std::move(out)) : V::string(std::move(out));
}

V str_same(Call&, const V& self) {
  return self;
}

V str_expandtabs(Call&, const V& self) {
  std::string out;
  std::size_t column = 0;
  for (const char c : self.text()) {
    if (c == '\t') {
      do out += ' ';
      while (++column % 8 != 0);
    } else {
      out += c;
      column = c == '\n' ? 0 : column + 1;
    }
  }
  return like(self, std::move(out));
}

constexpr MethodRow kString[] = {
    {"capitalize", str_capitalize},
    {"center", str_center},
    {"count", str_count},
    {"decode", str_same},
    {"encode", str_same},
    {"endswith", str_endswith},
    {"expandtabs", str_expandtabs},
    {"find", str_find},
    {"format", str_format},
    {"index", str_index},
    {"isalnum", str_test<std::isalnum>},
    {"isalpha", str_test<std::isalpha>},
    {"isdigit", str_test<std::isdigit>},
    {"islower", str_islower},
    {"isspace", str_test<std::isspace>},
    {"isupper", str_isupper},
    {"join", str_join},
    {"ljust", str_ljust},
    {"lower", str_mapped<std::tolower>},
    {"lstrip", str_lstrip},
    {"partition", str_partition},
    {"replace", str_replace},
    {"rfind", str_rfind},
    {"rindex", str_rindex},
    {"rjust", str_rjust},
    {"rpartition", str_rpartition},
    {"rsplit", str_rsplit},
    {"rstrip", str_rstrip},
    {"split", str_split},
    {"splitlines", str_splitlines},
    {"startswith", str_startswith},
    {"strip", str_strip},
    {"swapcase", str_swapcase},
    {"title", str_title},
    {"upper", str_mapped<std::toupper>},
    {"zfill", str_zfill},
};

}  // namespace

std::span<const MethodRow> string_methods() {
  return kString;
}

}  // namespace hv::compiler
