#include "compiler/convert.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "compiler/interp.h"
#include "compiler/types.h"
#include "lang/disk_string.h"
#include "lang/vif_string.h"

namespace hv::compiler {
namespace {

std::string shown(const V& value) {
  if (value.is(Tag::string) && !is_secret(value)) return "\"" + value.text() + "\"";
  return repr(value);
}

Converted misfit(const V& value, const Attribute& attribute, std::string help = {},
                 std::string fix = {}) {
  Converted c;
  c.misfit = Misfit{Code::wrong_type,
                    "`" + std::string(attribute.name) + "` takes " +
                        std::string(describe(attribute.type)) + ", not the " +
                        std::string(type_name(value)) + " " + shown(value),
                    std::move(help), std::move(fix)};
  return c;
}

Converted truth_misfit(const V& value, const Attribute& attribute) {
  std::string word;
  if (value.is(Tag::string))
    for (const char c : value.text())
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool yes = word == "yes" || word == "on" || word == "true" || word == "1";
  const bool no = word == "no" || word == "off" || word == "false" || word == "0";
  Converted c = misfit(value, attribute, "write `True` or `False`",
                       yes  ? "True"
                       : no ? "False"
                            : "");
  c.misfit->message = "`" + std::string(attribute.name) + "` takes True or False, not the " +
                      std::string(type_name(value)) + " " + shown(value);
  return c;
}

Converted fits(V value) {
  Converted c;
  c.value = std::move(value);
  return c;
}

std::string amount(int64_t n, AttributeType type) {
  if (type == AttributeType::size) return to_literal(bytes(n));
  if (type == AttributeType::duration) return to_literal(milliseconds(n));
  return std::to_string(n);
}

Converted within(V value, const Attribute& attribute) {
  const int64_t n = value.integer();
  std::string message;
  if (attribute.minimum && n < *attribute.minimum)
    message = "is less than " + amount(*attribute.minimum, attribute.type);
  if (attribute.maximum && n > *attribute.maximum)
    message = "is more than " + amount(*attribute.maximum, attribute.type);
  if (message.empty()) return fits(std::move(value));
  Converted c;
  c.misfit =
      Misfit{Code::value_out_of_range,
             "`" + std::string(attribute.name) + "` = " + amount(n, attribute.type) + " " + message,
             {},
             {}};
  return c;
}

Converted scaled(int64_t n, const Attribute& attribute) {
  int64_t total = 0;
  if (__builtin_mul_overflow(n, attribute.bare_unit, &total)) total = INT64_MAX;
  return within(attribute.type == AttributeType::size ? V::size(total) : V::duration(total),
                attribute);
}

Converted choice(const V& value, const Attribute& attribute) {
  std::optional<std::string_view> found;
  if (value.is(Tag::string))
    found = choice_from(attribute, value.text());
  else if (value.is_integral() && attribute.numbered_choices)
    found = choice_from(attribute, value.integer());
  if (found) return fits(V::string(std::string(*found)));
  Converted c;
  std::string list;
  for (const std::string_view each : attribute.choices)
    list += (list.empty() ? "`" : ", `") + std::string(each) + "`";
  c.misfit = Misfit{Code::wrong_type,
                    "`" + std::string(attribute.name) + "` cannot be " + shown(value),
                    "it is one of " + list,
                    {}};
  if (value.is(Tag::string))
    if (auto near = nearest(value.text(), attribute.choices))
      c.misfit->fix = "\"" + std::string(*near) + "\"";
  return c;
}

Converted strings(const V& value, const Attribute& attribute) {
  if (value.is(Tag::string)) {
    if (!attribute.lone_string) return misfit(value, attribute, "write it as a list: `[…]`");
    return fits(make_list({value}));
  }
  if (!value.is(Tag::list) && !value.is(Tag::tuple)) return misfit(value, attribute);
  std::vector<V> items;
  for (const V& item : value.as<SequenceObject>().items) {
    Meter::work += 2;
    if (item.is(Tag::string))
      items.push_back(item);
    else if (item.is_number())
      items.push_back(V::string(str(item)));
    else
      return misfit(value, attribute, "each element is a string");
  }
  return fits(make_list(std::move(items)));
}

// "0-3,^2" for all virtual CPUs; a list has a set for each of them, as in xl.
Converted cpus(const V& value, const Attribute& attribute) {
  const auto set_of = [](const V& item) -> std::optional<std::string> {
    Meter::work += 2;
    if (!item.is(Tag::string) && !item.is(Tag::integer)) return std::nullopt;
    return str(item);
  };
  const bool each = value.is(Tag::list) || value.is(Tag::tuple);
  std::vector<V> sets;
  for (const V& item : each ? value.as<SequenceObject>().items : std::vector<V>{value}) {
    const std::optional<std::string> set = set_of(item);
    if (!set) return misfit(value, attribute, "for example \"0-3,^2\"");
    sets.push_back(item.is(Tag::string) ? item : V::string(*set));
  }
  return fits(each ? make_list(std::move(sets)) : sets[0]);
}

Converted references(const V& value, const Attribute& attribute) {
  const auto right = [&](const V& v) {
    return v.is(Tag::reference) &&
           (!attribute.reference_kind ||
            v.as<ReferenceObject>().address.kind == *attribute.reference_kind);
  };
  if (attribute.type == AttributeType::reference) {
    if (right(value)) return fits(value);
    return misfit(value, attribute);
  }
  if (!value.is(Tag::list) && !value.is(Tag::tuple)) return misfit(value, attribute);
  for (const V& item : value.as<SequenceObject>().items)
    if (!right(item)) return misfit(item, attribute);
  return fits(value);
}

Converted text(const V& value, const Attribute& attribute) {
  if (!value.is(Tag::string)) {
    if (value.is(Tag::reference))
      return misfit(value, attribute, "a reference is not text; `.name` is its name");
    return misfit(value, attribute, value.is_number() ? "write it in quotes" : "",
                  value.is_number() ? "\"" + str(value) + "\"" : "");
  }
  const std::string& t = value.text();
  const bool bad = (attribute.type == AttributeType::uuid && !parse_uuid(t)) ||
                   (attribute.type == AttributeType::mac && !is_mac(t)) ||
                   (attribute.type == AttributeType::ip && !is_ip(t));
  if (bad) return misfit(value, attribute);
  if (attribute.type == AttributeType::secret && !is_secret(value)) return fits(make_secret(t));
  return fits(value);
}

}  // namespace

Converted convert_in_block(const V& value, const Attribute& attribute) {
  switch (attribute.type) {
    case AttributeType::boolean:
      if (value.is(Tag::boolean)) return fits(value);
      if (value.is(Tag::integer) && (value.integer() == 0 || value.integer() == 1))
        return fits(V::boolean(value.integer() != 0));
      return truth_misfit(value, attribute);
    case AttributeType::integer:
      if (value.is(Tag::integer)) return within(value, attribute);
      if (value.is(Tag::string)) {
        char* end = nullptr;
        errno = 0;
        const long long n = std::strtoll(value.text().c_str(), &end, 0);
        if (!value.text().empty() && *end == '\0' && errno == 0) {
          Converted c = within(V::integer(n), attribute);
          c.warning = "a number in quotes";
          c.warning_help = "write " + value.text();
          return c;
        }
      }
      return misfit(value, attribute);
    case AttributeType::number:
      if (value.is_number()) return fits(V::floating(value.number()));
      return misfit(value, attribute);
    case AttributeType::size:
    case AttributeType::duration: {
      const Tag own = attribute.type == AttributeType::size ? Tag::size : Tag::duration;
      if (value.is(own)) return within(value, attribute);
      if (value.is(Tag::integer)) return scaled(value.integer(), attribute);
      if (value.is(Tag::string)) {
        std::string as_number;
        if (own == Tag::size ? parse_bytes(value.text()).has_value()
                             : parse_duration(value.text()).has_value())
          return misfit(value, attribute, "leave the quotes out", value.text());
        char* end = nullptr;
        const long long n = std::strtoll(value.text().c_str(), &end, 0);
        if (!value.text().empty() && *end == '\0') {
          Converted c = scaled(n, attribute);
          c.warning = "a number in quotes";
          c.warning_help = "write `" + value.text() + std::string(attribute.unit) + "`";
          return c;
        }
      }
      return misfit(value, attribute,
                    own == Tag::size ? "for example `512MiB`" : "for example `30s`");
    }
    case AttributeType::string:
    case AttributeType::uuid:
    case AttributeType::mac:
    case AttributeType::ip:
    case AttributeType::path:
    case AttributeType::secret:
      return text(value, attribute);
    case AttributeType::choice:
      return choice(value, attribute);
    case AttributeType::string_list:
      return strings(value, attribute);
    case AttributeType::cpu_list:
      return cpus(value, attribute);
    case AttributeType::vbd_list:
    case AttributeType::vif_list:
      if (value.is(Tag::list)) return fits(value);
      if (value.is(Tag::tuple)) return fits(make_list(value.as<SequenceObject>().items));
      return misfit(value, attribute, "write it as a list: `[…]`");
    case AttributeType::reference:
    case AttributeType::reference_list:
      return references(value, attribute);
    case AttributeType::raw:
      return fits(value);
  }
  return fits(value);
}

Converted convert_key(const V& value, const Attribute& attribute, std::string_view spelling) {
  // strtol(…, 0) over the whole text, as xl reads its numbers.
  const auto number = [&](const std::string& t) -> std::optional<int64_t> {
    if (t.empty()) return std::nullopt;
    char* end = nullptr;
    errno = 0;
    const long long n = std::strtoll(t.c_str(), &end, 0);
    if (*end != '\0' || errno != 0) return std::nullopt;
    return n;
  };
  const bool octal_text = value.is(Tag::string) && value.text().size() > 1 &&
                          value.text()[0] == '0' && number(value.text()).has_value() &&
                          value.text().find_first_not_of("01234567") == std::string::npos;
  const auto warn_octal = [&](Converted c) {
    if (octal_text && !c.misfit) {
      c.warning = shown(value) + " is read in base 8, as C's strtol does";
      c.warning_help = "leave the leading 0 out if ten is the base";
    }
    return c;
  };
  switch (attribute.type) {
    case AttributeType::boolean: {
      if (value.is_integral()) return fits(V::boolean(value.integer() != 0));
      if (value.is(Tag::string)) {
        std::string t = value.text();
        for (char& c : t) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        if (t == "1" || t == "yes" || t == "on" || t == "true") return fits(V::boolean(true));
        if (t == "0" || t == "no" || t == "off" || t == "false" || t.empty())
          return fits(V::boolean(false));
        if (auto n = number(t)) return fits(V::boolean(*n != 0));
      }
      return misfit(value, attribute);
    }
    case AttributeType::integer:
    case AttributeType::size:
    case AttributeType::duration: {
      std::optional<int64_t> n;
      if (value.is_integral()) n = value.integer();
      if (value.is(Tag::string)) n = number(value.text());
      if (value.is(Tag::floating) &&
          (attribute.takes_float || value.floating() == std::floor(value.floating())) &&
          std::fabs(value.floating()) < 9e15)
        n = static_cast<int64_t>(value.floating());
      if (value.is(Tag::size) || value.is(Tag::duration)) return convert_in_block(value, attribute);
      if (!n) return misfit(value, attribute);
      if (attribute.type == AttributeType::integer)
        return warn_octal(within(V::integer(*n), attribute));
      return warn_octal(scaled(*n, attribute));
    }
    case AttributeType::number: {
      if (value.is_number()) return fits(V::floating(value.number()));
      if (value.is(Tag::string)) {
        char* end = nullptr;
        const double d = std::strtod(value.text().c_str(), &end);
        if (!value.text().empty() && *end == '\0') return fits(V::floating(d));
      }
      return misfit(value, attribute);
    }
    case AttributeType::string:
    case AttributeType::uuid:
    case AttributeType::mac:
    case AttributeType::ip:
    case AttributeType::path:
    case AttributeType::secret: {
      if (value.is_number()) {
        const std::string t =
            spelling.empty() ? str(value.is(Tag::boolean) ? V::integer(value.integer()) : value)
                             : std::string(spelling);
        return text(V::string(t), attribute);
      }
      return text(value, attribute);
    }
    case AttributeType::choice:
      // xm of 2004 had this as yes or no.
      if (attribute.name == "restart" && value.is(Tag::boolean))
        return choice(V::string(value.integer() != 0 ? "always" : "never"), attribute);
      if (value.is(Tag::string) && attribute.numbered_choices &&
          !choice_from(attribute, value.text()))
        if (auto n = number(value.text())) return choice(V::integer(*n), attribute);
      return choice(value, attribute);
    case AttributeType::string_list:
    case AttributeType::cpu_list:
    case AttributeType::vbd_list:
    case AttributeType::vif_list:
      if (value.is(Tag::string) && value.text().empty() &&
          attribute.type != AttributeType::cpu_list)
        return fits(make_list({}));
      return convert_in_block(value, attribute);
    case AttributeType::reference:
    case AttributeType::reference_list:
    case AttributeType::raw:
      return convert_in_block(value, attribute);
  }
  return fits(value);
}

Value to_model(const V& value, const Attribute& attribute) {
  switch (value.tag()) {
    case Tag::boolean:
      return Value(value.integer() != 0);
    case Tag::integer:
      return Value(value.integer());
    case Tag::floating:
      return Value(value.floating());
    case Tag::size:
      return Value(bytes(value.integer()));
    case Tag::duration:
      return Value(milliseconds(value.integer()));
    case Tag::string:
      if (is_secret(value)) return Value(Secret{value.text()});
      return Value(value.text());
    case Tag::list:
    case Tag::tuple: {
      List list;
      for (const V& item : value.as<SequenceObject>().items)
        list.push_back(to_model(item, attribute));
      return Value(std::move(list));
    }
    case Tag::dict: {
      Record record;
      for (const auto& [key, item] : value.as<DictObject>().items)
        if (!key.is_failed()) record[str(key)] = to_model(item, attribute);
      return Value(std::move(record));
    }
    case Tag::record: {
      Record record;
      for (const auto& [name, item] : value.as<RecordObject>().fields)
        record[name] = to_model(item, attribute);
      return Value(std::move(record));
    }
    case Tag::reference:
      return Value(value.as<ReferenceObject>().address);
    default:
      break;
  }
  return Value();
}

Span place_in(const V& item, Span fallback, uint32_t begin, uint32_t end) {
  if (item.is(Tag::string)) {
    if (const lang::StringExpr* literal = item.as<StringObject>().literal)
      return lang::span_in(*literal, begin, end - begin);
  }
  return fallback;
}

namespace {

Span whole_place(const V& item, Span fallback) {
  if (item.is(Tag::string))
    if (const lang::StringExpr* literal = item.as<StringObject>().literal) return literal->span;
  return fallback;
}

void report_mistakes(const V& item, const std::vector<lang::StringMistake>& mistakes, Code code,
                     Span fallback, Diagnostics& diagnostics) {
  for (const lang::StringMistake& mistake : mistakes) {
    Diagnostic& diagnostic = diagnostics.report(
        code, place_in(item, fallback, mistake.begin, mistake.end), mistake.message);
    diagnostic.help = mistake.help;
    if (item.is(Tag::string) && item.as<StringObject>().literal == nullptr)
      diagnostic.notes.push_back("in: " + item.text());
  }
}

}  // namespace

Vbd vbd_of(const lang::DiskString& disk, std::string written) {
  Vbd vbd;
  vbd.device = disk.vdev;
  vbd.source = disk.target;
  vbd.backend = disk.backend;
  vbd.format = disk.format;
  vbd.script = disk.script;
  switch (disk.access) {
    case lang::DiskString::Access::read:
      vbd.mode = AccessMode::read;
      break;
    case lang::DiskString::Access::write:
      vbd.mode = AccessMode::write;
      break;
    case lang::DiskString::Access::write_shared:
      vbd.mode = AccessMode::write_shared;
      break;
  }
  vbd.cdrom = disk.cdrom;
  vbd.removable = disk.removable;
  vbd.options = disk.options;
  vbd.written = std::move(written);
  return vbd;
}

std::string triple_as_string(const SequenceObject& triple) {
  // Of `phy:` the /dev/ could be left out; a string's `phy:cdrom` would be a kind of drive.
  std::string source = triple.items[0].text();
  if (source.starts_with("phy:") && !source.starts_with("phy:/")) source.insert(4, "/dev/");
  return source + "," + triple.items[1].text() + "," + triple.items[2].text();
}

std::optional<VbdObject> to_vbd(const V& item, Span fallback, const SourceMap& sources,
                                Diagnostics& diagnostics) {
  if (item.is(Tag::vbd)) {
    VbdObject made = item.as<VbdObject>();
    made.references = 0;
    made.vbd.place = sources.begin_of(made.span);
    return made;
  }
  V disk_text = item;
  if (item.is(Tag::tuple) || item.is(Tag::list)) {
    // The 2004 triple: uname, device, mode.
    const auto& parts = item.as<SequenceObject>().items;
    const bool ok = parts.size() == 3 && std::all_of(parts.begin(), parts.end(),
                                                     [](const V& v) { return v.is(Tag::string); });
    if (!ok) {
      diagnostics.report(Code::bad_disk, fallback,
                         "a disk of three parts is (source, device, mode), all strings");
      return std::nullopt;
    }
    disk_text = V::string(triple_as_string(item.as<SequenceObject>()));
  }
  if (!disk_text.is(Tag::string)) {
    Diagnostic& d = diagnostics.report(
        Code::bad_disk, fallback,
        "a disk is a string or `vbd(…)`, not " + with_article(type_name(disk_text)));
    if (item.is(Tag::reference))
      d.help =
          "write `vbd(" + to_string(item.as<ReferenceObject>().address) + ", \"xvda\", \"w\")`";
    return std::nullopt;
  }
  const lang::DiskResult result = lang::parse_disk_string(disk_text.text());
  report_mistakes(disk_text, result.mistakes, Code::bad_disk, fallback, diagnostics);
  if (!result.disk || !result.mistakes.empty()) return std::nullopt;
  VbdObject made;
  made.vbd = vbd_of(*result.disk, disk_text.text());
  made.span = whole_place(item, fallback);
  made.vbd.place = sources.begin_of(made.span);
  if (made.vbd.backend == "vd") made.vdisk = Address{Kind::vdisk, made.vbd.source};
  return made;
}

std::optional<VifObject> to_vif(const V& item, Span fallback, const SourceMap& sources,
                                Diagnostics& diagnostics) {
  if (item.is(Tag::vif)) {
    VifObject made = item.as<VifObject>();
    made.references = 0;
    made.vif.place = sources.begin_of(made.span);
    return made;
  }
  if (!item.is(Tag::string)) {
    diagnostics.report(
        Code::bad_vif, fallback,
        "an interface is a string or `vif(…)`, not " + with_article(type_name(item)));
    return std::nullopt;
  }
  const lang::VifResult result = lang::parse_vif_string(item.text());
  report_mistakes(item, result.mistakes, Code::bad_vif, fallback, diagnostics);
  if (!result.vif || !result.mistakes.empty()) return std::nullopt;
  VifObject made;
  made.vif.settings = result.vif->settings;
  made.span = whole_place(item, fallback);
  made.vif.place = sources.begin_of(made.span);
  return made;
}

}  // namespace hv::compiler
