// Formatting: Python's % operator and format specifications.
#include <cmath>
#include <cstdio>

#include "compiler/interp.h"

namespace hv::compiler {
namespace {

// Of one field; more is a mistake or an attack.
constexpr int kWidest = 1'000'000;
constexpr int kMostPrecise = 4096;

std::size_t columns(const std::string& text) {
  std::size_t n = 0;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++n;
  return n;
}

std::string padded(std::string text, int width, char align, const std::string& fill) {
  const std::size_t have = columns(text);
  if (width <= 0 || have >= static_cast<std::size_t>(width)) return text;
  const std::size_t missing = static_cast<std::size_t>(width) - have;
  const auto run = [&](std::size_t n) {
    std::string out;
    for (std::size_t i = 0; i < n; ++i) out += fill;
    return out;
  };
  if (align == '<') return text + run(missing);
  if (align == '^') return run(missing / 2) + text + run(missing - missing / 2);
  return run(missing) + text;
}

// Zeros go between the sign or prefix and the digits.
std::string zero_padded(const std::string& text, int width, std::size_t prefix) {
  if (width <= 0 || text.size() >= static_cast<std::size_t>(width)) return text;
  return text.substr(0, prefix) + std::string(static_cast<std::size_t>(width) - text.size(), '0') +
         text.substr(prefix);
}

std::string in_base(uint64_t value, unsigned base, bool upper) {
  const char* digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  do {
    out.insert(out.begin(), digits[value % base]);
    value /= base;
  } while (value != 0);
  return out;
}

std::string c_double(char type, int precision, bool alternate, double value) {
  char pattern[16];
  std::snprintf(pattern, sizeof pattern, "%%%s.*%c", alternate ? "#" : "", type);
  std::string out(512, '\0');
  const int n = std::snprintf(out.data(), out.size(), pattern, std::min(precision, 300), value);
  out.resize(static_cast<std::size_t>(std::max(0, std::min(n, 511))));
  return out;
}

struct PercentSpec {
  bool left = false, plus = false, blank = false, alternate = false, zero = false;
  int width = 0;
  int precision = -1;
  char type = 's';
};

}  // namespace

V Interp::percent(const V& format, const V& arguments, Span span) {
  const std::string& text = format.text();
  const bool is_tuple = arguments.is(Tag::tuple);
  std::size_t next = 0, count = is_tuple ? arguments.as<SequenceObject>().items.size() : 1;
  bool used_mapping = false;
  bool secret = is_secret(format);
  std::string out;
  const auto take = [&](V& value) {
    if (next >= count) {
      raise(span, "TypeError", "the format needs more values than are given");
      return false;
    }
    value = is_tuple ? arguments.as<SequenceObject>().items[next] : arguments;
    ++next;
    return true;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (++i >= text.size()) return raise(span, "ValueError", "the format ends after a `%`");
    if (text[i] == '%') {
      out += '%';
      continue;
    }
    V value;
    bool have_value = false;
    if (text[i] == '(') {
      const std::size_t close = text.find(')', i);
      if (close == std::string::npos)
        return raise(span, "ValueError", "a `%(` in the format without its `)`");
      const std::string key = text.substr(i + 1, close - i - 1);
      if (!arguments.is(Tag::dict))
        return raise(span, "TypeError", "`%(" + key + ")` takes its value from a dict");
      const V* found = arguments.as<DictObject>().find("s" + key);
      if (found == nullptr) return raise(span, "KeyError", repr(V::string(key)));
      value = *found;
      have_value = used_mapping = true;
      i = close + 1;
    }
    PercentSpec spec;
    for (; i < text.size(); ++i) {
      if (text[i] == '-')
        spec.left = true;
      else if (text[i] == '+')
        spec.plus = true;
      else if (text[i] == ' ')
        spec.blank = true;
      else if (text[i] == '#')
        spec.alternate = true;
      else if (text[i] == '0')
        spec.zero = true;
      else
        break;
    }
    const auto number = [&](int& into) {
      if (i < text.size() && text[i] == '*') {
        ++i;
        V width;
        if (!take(width)) return false;
        if (!width.is_integral()) {
          raise(span, "TypeError", "`*` takes an int");
          return false;
        }
        into = static_cast<int>(std::clamp<int64_t>(width.integer(), -kWidest - 1, kWidest + 1));
        return true;
      }
      into = 0;
      for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
        into = std::min(into * 10 + (text[i] - '0'), kWidest + 1);
      return true;
    };
    if (!number(spec.width)) return V::failed();
    if (spec.width < 0) {
      spec.left = true;
      spec.width = -spec.width;
    }
    if (i < text.size() && text[i] == '.') {
      ++i;
      if (!number(spec.precision)) return V::failed();
    }
    if (too_wide(spec.width, spec.precision, span)) return V::failed();
    while (i < text.size() && (text[i] == 'l' || text[i] == 'h' || text[i] == 'L')) ++i;
    if (i >= text.size()) return raise(span, "ValueError", "the format ends inside a field");
    spec.type = text[i];
    if (!have_value && !take(value)) return V::failed();
    secret = secret || is_secret(value);
    std::string piece;
    std::size_t prefix = 0;
    switch (spec.type) {
      case 's': {
        auto shown = text_of(value, span);
        if (!shown) return V::failed();
        piece = std::move(*shown);
        if (spec.precision >= 0 && columns(piece) > static_cast<std::size_t>(spec.precision)) {
          std::size_t end = 0, seen = 0;
          while (end < piece.size()) {
            if ((static_cast<unsigned char>(piece[end]) & 0xc0) != 0x80 &&
                seen++ == static_cast<std::size_t>(spec.precision))
              break;
            ++end;
          }
          piece.resize(end);
        }
        break;
      }
      case 'r':
        piece = repr(value);
        break;
      case 'c':
        if (value.is(Tag::string)) {
          if (columns(value.text()) != 1)
            return raise(span, "TypeError", "`%c` takes one character");
          piece = value.text();
        } else if (value.is_integral() && value.integer() >= 0 && value.integer() < 128) {
          piece = std::string(1, static_cast<char>(value.integer()));
        } else {
          return raise(span, "TypeError", "`%c` takes one character");
        }
        break;
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o': {
        if (value.is(Tag::size) || value.is(Tag::duration))
          return raise(span, "TypeError",
                       "`%" + std::string(1, spec.type) + "` of " + with_article(type_name(value)) +
                           " has no unit",
                       value.is(Tag::size) ? "divide first: `memory // 1MiB`"
                                           : "divide first: `timeout // 1s`");
        if (!value.is_number() ||
            (value.is(Tag::floating) &&
             (spec.type == 'x' || spec.type == 'X' || spec.type == 'o') && !python2()))
          return raise(span, "TypeError",
                       "`%" + std::string(1, spec.type) + "` takes a number, not " +
                           with_article(type_name(value)),
                       value.is(Tag::string) ? "`int(…)` makes a number of text" : "");
        if (value.is(Tag::floating) && std::fabs(value.floating()) >= 9.2e18)
          return raise(span, "OverflowError", "the number is more than 64 bits hold");
        const int64_t n =
            value.is(Tag::floating) ? static_cast<int64_t>(value.floating()) : value.integer();
        const bool negative = n < 0;
        const uint64_t magnitude =
            negative ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
        const unsigned base = spec.type == 'x' || spec.type == 'X' ? 16 : spec.type == 'o' ? 8 : 10;
        std::string digits = in_base(magnitude, base, spec.type == 'X');
        if (spec.precision > static_cast<int>(digits.size()))
          digits.insert(0, static_cast<std::size_t>(spec.precision) - digits.size(), '0');
        if (negative)
          piece = "-";
        else if (spec.plus)
          piece = "+";
        else if (spec.blank)
          piece = " ";
        if (spec.alternate && base == 16) piece += spec.type == 'X' ? "0X" : "0x";
        if (spec.alternate && base == 8) piece += python2() ? "0" : "0o";
        prefix = piece.size();
        piece += digits;
        break;
      }
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (!value.is_number())
          return raise(span, "TypeError",
                       "`%" + std::string(1, spec.type) + "` takes a number, not " +
                           with_article(type_name(value)));
        piece = c_double(spec.type, spec.precision < 0 ? 6 : spec.precision, spec.alternate,
                         value.number());
        if (piece[0] == '-')
          prefix = 1;
        else if (spec.plus || spec.blank) {
          piece.insert(0, 1, spec.plus ? '+' : ' ');
          prefix = 1;
        }
        break;
      default:
        return raise(span, "ValueError", "`%" + std::string(1, spec.type) + "` is no format");
    }
    const bool numeric = spec.type != 's' && spec.type != 'r' && spec.type != 'c';
    if (spec.zero && numeric && !spec.left) piece = zero_padded(piece, spec.width, prefix);
    out += padded(std::move(piece), spec.width, spec.left ? '<' : '>', " ");
    if (!charge(static_cast<int64_t>(out.size()), span)) return V::failed();
  }
  if (next < count && is_tuple && !used_mapping)
    return raise(span, "TypeError",
                 std::to_string(count) + " values for a format that takes " + std::to_string(next));
  // What could be asked for by a key is no value too many.
  if (!is_tuple && next == 0 && !used_mapping && !arguments.is(Tag::dict) &&
      !arguments.is(Tag::list))
    return raise(span, "TypeError", "the format takes no value, but one is given");
  return secret ? make_secret(std::move(out)) : V::string(std::move(out));
}

// Raises, and spends what the field costs otherwise.
bool Interp::too_wide(int width, int precision, Span span) {
  Meter::spend(static_cast<std::size_t>(width));
  if (width <= kWidest && precision <= kMostPrecise) return false;
  raise(span, "ValueError",
        width > kWidest ? "a field of more than a million columns"
                        : "a precision of more than 4096 digits");
  return true;
}

V Interp::format_value(const V& value, std::string_view spec, Span span) {
  const bool secret = is_secret(value);
  if (spec.empty()) {
    auto text = text_of(value, span);
    if (!text) return V::failed();
    return secret ? make_secret(std::move(*text)) : V::string(std::move(*text));
  }
  std::string fill = " ";
  char align = 0, sign = 0, type = 0, group = 0;
  bool alternate = false;
  int width = 0, precision = -1;
  std::size_t i = 0;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  std::size_t first = 1;
  while (first < spec.size() && (static_cast<unsigned char>(spec[first]) & 0xc0) == 0x80) ++first;
  if (first < spec.size() && is_align(spec[first])) {
    fill = std::string(spec.substr(0, first));
    align = spec[first];
    i = first + 1;
  } else if (is_align(spec[0])) {
    align = spec[0];
    i = 1;
  }
  const bool given_equals = align == '=';
  if (i < spec.size() && (spec[i] == '+' || spec[i] == '-' || spec[i] == ' ')) sign = spec[i++];
  if (i < spec.size() && spec[i] == '#') {
    alternate = true;
    ++i;
  }
  if (i < spec.size() && spec[i] == '0') {
    if (align == 0) {
      align = '=';
      fill = "0";
    }
    ++i;
  }
  for (; i < spec.size() && spec[i] >= '0' && spec[i] <= '9'; ++i)
    width = std::min(width * 10 + (spec[i] - '0'), kWidest + 1);
  if (i < spec.size() && (spec[i] == ',' || spec[i] == '_')) group = spec[i++];
  if (i < spec.size() && spec[i] == '.') {
    ++i;
    precision = 0;
    for (; i < spec.size() && spec[i] >= '0' && spec[i] <= '9'; ++i)
      precision = std::min(precision * 10 + (spec[i] - '0'), kWidest + 1);
  }
  if (too_wide(width, precision, span)) return V::failed();
  if (i < spec.size()) type = spec[i++];
  const auto wrong = [&] {
    return raise(span, "ValueError",
                 "`" + std::string(spec) + "` is no format of " + with_article(type_name(value)));
  };
  if (i != spec.size()) return wrong();
  std::string digits, prefix;
  const bool integral_type = type == 0 || type == 'd' || type == 'x' || type == 'X' ||
                             type == 'o' || type == 'b' || type == 'n' || type == 'c';
  if (value.is_integral() && integral_type) {
    const int64_t n = value.integer();
    const uint64_t magnitude = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
    if (type == 'c') {
      if (n < 0 || n > 127) return wrong();
      return V::string(
          padded(std::string(1, static_cast<char>(n)), width, align == 0 ? '<' : align, fill));
    }
    const unsigned base = type == 'x' || type == 'X' ? 16 : type == 'o' ? 8 : type == 'b' ? 2 : 10;
    digits = in_base(magnitude, base, type == 'X');
    if (alternate && base != 10) prefix = std::string("0") + type;
    if (n < 0)
      prefix.insert(0, "-");
    else if (sign == '+' || sign == ' ')
      prefix.insert(0, 1, sign);
  } else if (value.is_number() && type != 's') {
    double d = value.number();
    if (type == '%') d *= 100;
    if (type == 0 && precision < 0) {
      digits = str(V::floating(d));
    } else {
      const char c = type == 0 || type == 'n' ? 'g' : type == '%' ? 'f' : type;
      if (std::string_view("eEfFgG").find(c) == std::string_view::npos) return wrong();
      digits = c_double(c, precision < 0 ? 6 : precision, alternate, d);
    }
    if (type == '%') digits += '%';
    if (digits[0] == '-') {
      prefix = "-";
      digits.erase(0, 1);
    } else if (sign == '+' || sign == ' ') {
      prefix = std::string(1, sign);
    }
  } else {
    if (type != 0 && type != 's') return wrong();
    // Only texts and quantities take a field's width and alignment, and no sign.
    const bool takes_fields = value.is(Tag::string) || value.is(Tag::size) ||
                              value.is(Tag::duration) || value.is(Tag::reference);
    if (!takes_fields || sign != 0 || group != 0 || given_equals) return wrong();
    auto text = text_of(value, span);
    if (!text) return V::failed();
    if (precision >= 0 && columns(*text) > static_cast<std::size_t>(precision)) {
      std::size_t end = 0, seen = 0;
      while (end < text->size()) {
        if ((static_cast<unsigned char>((*text)[end]) & 0xc0) != 0x80 &&
            seen++ == static_cast<std::size_t>(precision))
          break;
        ++end;
      }
      text->resize(end);
    }
    if (align == '=') align = '<';
    std::string made = padded(std::move(*text), width, align == 0 ? '<' : align, fill);
    return secret ? make_secret(std::move(made)) : V::string(std::move(made));
  }
  if (group != 0) {
    std::size_t end = digits.find_first_not_of("0123456789abcdefABCDEF");
    if (end == std::string::npos) end = digits.size();
    const std::size_t every = type == 'x' || type == 'X' || type == 'b' || type == 'o' ? 4 : 3;
    for (std::size_t at = end; at > every;) {
      at -= every;
      digits.insert(at, 1, group);
    }
  }
  if (align == '=') {
    std::string made = prefix + digits;
    while (static_cast<int>(columns(made)) < width) made.insert(prefix.size(), fill);
    return V::string(std::move(made));
  }
  return V::string(padded(prefix + digits, width, align == 0 ? '>' : align, fill));
}

}  // namespace hv::compiler
