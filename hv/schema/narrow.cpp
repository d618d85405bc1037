// A site's own `schemas/`: [KIND.ATTRIBUTE] tables that permit less than hv does.
#include <algorithm>
#include <iterator>

#include "hv/schema/bounds.h"
#include "hv/schema/rep.h"
#include "hv/schema/table_reader.h"
#include "hv/schema/toml.h"

namespace hv {

namespace {

constexpr ReaderCodes kCodes = {Code::schema_unknown_field, Code::schema_wrong_type,
                                Code::schema_bad_value};
constexpr Kind kAllKinds[] = {Kind::domain, Kind::vdisk, Kind::pool, Kind::network};

std::string in_code(std::string_view text) {
  return "`" + std::string(text) + "`";
}

bool is_identifier(std::string_view name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// Can the attribute be left out at all, now that its values are fewer?
bool default_is_permitted(const Attribute& attribute) {
  std::string_view text = attribute.default_text;
  if (text.empty()) return true;
  if (attribute.type == AttributeType::choice) {
    text = text.substr(1, text.size() - 2);
    return std::find(attribute.choices.begin(), attribute.choices.end(), text) !=
           attribute.choices.end();
  }
  if (!can_be_bounded(attribute.type)) return true;
  TomlValue literal;
  literal.type = TomlType::string;
  literal.text = std::string(text);
  if (attribute.type == AttributeType::integer || attribute.type == AttributeType::number) {
    literal.type = TomlType::integer;
    literal.integer = std::stoll(literal.text);
  }
  int64_t value = *bound_of(attribute.type, 1, literal);
  return (!attribute.minimum || value >= *attribute.minimum) &&
         (!attribute.maximum || value <= *attribute.maximum);
}

class Narrower {
 public:
  Narrower(Schema::Rep& rep, Schema::Rep::Texts& texts, const SourceMap& sources,
           Diagnostics& diagnostics)
      : rep_(rep), texts_(texts), sources_(sources), diagnostics_(diagnostics) {}

  void read(FileId file) {
    std::optional<TomlValue> table = parse_toml(file, sources_, Code::schema_syntax, diagnostics_);
    if (!table) return;
    source_ = keep(std::string(sources_.path(file)));
    TableReader reader(*table, "a site's schema", kCodes, diagnostics_);
    for (Kind kind : kAllKinds) {
      const TomlValue* attributes = reader.table(to_string(kind));
      if (attributes == nullptr) continue;
      for (const TomlEntry& entry : attributes->entries) read_entry(kind, entry);
    }
    reader.finish();
  }

 private:
  std::string_view keep(std::string text) { return texts_.strings.emplace_back(std::move(text)); }

  void read_entry(Kind kind, const TomlEntry& entry) {
    if (entry.value.type != TomlType::table) {
      diagnostics_.report(Code::schema_wrong_type, entry.value.span,
                          in_code(entry.key) + " takes a table of what is permitted");
      return;
    }
    TableReader reader(entry.value, "[" + std::string(to_string(kind)) + "." + entry.key + "]",
                       kCodes, diagnostics_);
    Attribute* attribute = find(kind, entry.key);
    if (attribute == nullptr) {
      add_custom(kind, entry, reader);
    } else {
      Attribute narrower = *attribute;
      if (narrow(narrower, reader)) *attribute = narrower;
    }
    reader.finish();
  }

  Attribute* find(Kind kind, std::string_view name) {
    auto& names = rep_.names[static_cast<std::size_t>(kind)];
    auto found = std::lower_bound(names.begin(), names.end(), name,
                                  [](const schema_table::Name& entry, std::string_view wanted) {
                                    return entry.name < wanted;
                                  });
    if (found == names.end() || found->name != name) return nullptr;
    return &rep_.attributes[static_cast<std::size_t>(kind)][found->attribute];
  }

  void add_custom(Kind kind, const TomlEntry& entry, TableReader& reader) {
    std::optional<bool> required = reader.boolean("required");
    std::optional<std::string> doc = reader.string("doc");
    if (required != true) return unknown_attribute(kind, entry, reader);
    if (kind != Kind::domain || !is_identifier(entry.key)) {
      diagnostics_
          .report(Code::schema_bad_value, entry.key_span,
                  in_code(entry.key) + " cannot be an attribute of your own")
          .help = kind != Kind::domain
                      ? "only a domain can have attributes of your own"
                      : "a name has small letters, digits and `_`, and begins with a letter";
      reader.any("choices");
      return;
    }
    Attribute attribute;
    attribute.name = keep(entry.key);
    attribute.type = AttributeType::string;
    attribute.doc = keep(doc.value_or("An attribute of this site."));
    attribute.how = How::bookkeeping;
    attribute.generations = "hv";
    attribute.source = source_;
    attribute.required = attribute.block_only = attribute.custom = true;
    if (narrow_choices(attribute, reader)) insert(kind, attribute);
  }

  // Without `required` it is taken for a slip: nothing new is meant.
  void unknown_attribute(Kind kind, const TomlEntry& entry, TableReader& reader) {
    for (std::string_view field : {"min", "max", "choices"}) reader.any(field);
    Diagnostic& diagnostic = diagnostics_.report(
        Code::schema_unknown_attribute, entry.key_span,
        in_code(entry.key) + " is no attribute of a " + std::string(to_string(kind)));
    std::vector<std::string_view> names;
    for (const schema_table::Name& name : rep_.names[static_cast<std::size_t>(kind)]) {
      names.push_back(name.name);
    }
    if (std::optional<std::string_view> near = nearest(entry.key, names)) {
      diagnostic.primary_label = "did you mean " + in_code(*near) + "?";
      diagnostic.fix = Fix{"write " + in_code(*near), entry.key_span, std::string(*near)};
    } else {
      diagnostic.help = "an attribute of your own says `required = true`";
    }
  }

  void insert(Kind kind, const Attribute& attribute) {
    auto& attributes = rep_.attributes[static_cast<std::size_t>(kind)];
    auto& names = rep_.names[static_cast<std::size_t>(kind)];
    auto at = std::lower_bound(
        attributes.begin(), attributes.end(), attribute.name,
        [](const Attribute& a, std::string_view wanted) { return a.name < wanted; });
    auto index = static_cast<uint16_t>(at - attributes.begin());
    for (schema_table::Name& name : names) {
      if (name.attribute >= index) ++name.attribute;
    }
    attributes.insert(at, attribute);
    auto place = std::lower_bound(names.begin(), names.end(), attribute.name,
                                  [](const schema_table::Name& entry, std::string_view wanted) {
                                    return entry.name < wanted;
                                  });
    names.insert(place, schema_table::Name{attribute.name, index, schema_table::kHv});
  }

  bool narrow(Attribute& attribute, TableReader& reader) {
    bool good = narrow_bound(attribute, reader, "min", attribute.minimum, true);
    good = narrow_bound(attribute, reader, "max", attribute.maximum, false) && good;
    if (good && attribute.minimum && attribute.maximum && *attribute.minimum > *attribute.maximum) {
      Span span = reader.span_of("max").valid() ? reader.span_of("max") : reader.span_of("min");
      diagnostics_.report(Code::schema_bad_value, span,
                          "no value of " + in_code(attribute.name) + " lies between " +
                              bound_text(attribute.type, *attribute.minimum) + " and " +
                              bound_text(attribute.type, *attribute.maximum));
      good = false;
    }
    good = narrow_choices(attribute, reader) && good;
    if (attribute.custom) reader.any("doc");  // another file of the site may say it again
    if (std::optional<bool> required = reader.boolean("required")) {
      if (attribute.required && !*required) {
        good = widens(reader.span_of("required"), in_code(attribute.name) + " is required already");
      }
      attribute.required = attribute.required || *required;
    }
    // What nobody sets has its default; where the site forbids that, everybody must set it.
    if (good && !default_is_permitted(attribute)) attribute.required = true;
    return good;
  }

  bool widens(Span span, std::string message) {
    diagnostics_.report(Code::schema_widens, span, std::move(message)).help =
        "a site's schema can only permit less";
    return false;
  }

  bool narrow_bound(Attribute& attribute, TableReader& reader, std::string_view field,
                    std::optional<int64_t>& bound, bool is_minimum) {
    const TomlEntry* entry = reader.any(field);
    if (entry == nullptr) return true;
    if (!can_be_bounded(attribute.type)) {
      diagnostics_.report(Code::schema_bad_value, entry->key_span,
                          in_code(attribute.name) + " has no " + in_code(field) + ": it is " +
                              std::string(describe(attribute.type)));
      return false;
    }
    std::optional<int64_t> value = bound_of(attribute.type, attribute.bare_unit, entry->value);
    if (!value) {
      diagnostics_
          .report(Code::schema_wrong_type, entry->value.span,
                  in_code(field) + " of " + in_code(attribute.name) + " cannot be read")
          .help = "write " + bound_form(attribute.type);
      return false;
    }
    if (bound && (is_minimum ? *value < *bound : *value > *bound)) {
      return widens(entry->value.span, in_code(field) + " of " + in_code(attribute.name) + " is " +
                                           bound_text(attribute.type, *bound) + " already");
    }
    bound = value;
    return true;
  }

  bool narrow_choices(Attribute& attribute, TableReader& reader) {
    std::optional<std::vector<std::string>> words = reader.strings("choices");
    if (!words) return !reader.span_of("choices").valid();
    bool is_text = attribute.type == AttributeType::string || attribute.type == AttributeType::path;
    if ((!is_text && attribute.type != AttributeType::choice) || words->empty()) {
      diagnostics_.report(Code::schema_bad_value, reader.span_of("choices"),
                          words->empty() ? "no value of " + in_code(attribute.name) + " is left"
                                         : in_code(attribute.name) + " has no choices: it is " +
                                               std::string(describe(attribute.type)));
      return false;
    }
    std::vector<std::string_view>& list = texts_.lists.emplace_back();
    for (std::string& word : *words) {
      bool known = std::find(attribute.choices.begin(), attribute.choices.end(), word) !=
                   attribute.choices.end();
      if (!is_text && !known) {
        return widens(reader.span_of("choices"),
                      in_code(word) + " is no choice of " + in_code(attribute.name));
      }
      list.push_back(keep(std::move(word)));
    }
    attribute.type = AttributeType::choice;
    attribute.choices = list;
    if (is_text) attribute.known_choices = list;
    return true;
  }

  Schema::Rep& rep_;
  Schema::Rep::Texts& texts_;
  const SourceMap& sources_;
  Diagnostics& diagnostics_;
  std::string_view source_;
};

}  // namespace

std::unique_ptr<Schema> Schema::narrowed(std::span<const FileId> files, const SourceMap& sources,
                                         Diagnostics& diagnostics) const {
  auto rep = std::make_unique<Rep>();
  for (std::size_t kind = 0; kind < schema_table::kKinds; ++kind) {
    const schema_table::Table& table = rep_->tables[kind];
    rep->attributes[kind].assign(table.attributes.begin(), table.attributes.end());
    rep->names[kind].assign(table.names.begin(), table.names.end());
  }
  rep->texts = rep_->texts;
  auto texts = std::make_shared<Rep::Texts>();
  Narrower narrower(*rep, *texts, sources, diagnostics);
  for (FileId file : files) narrower.read(file);
  rep->texts.push_back(std::move(texts));
  for (std::size_t kind = 0; kind < schema_table::kKinds; ++kind) {
    rep->tables[kind] = {rep->attributes[kind], rep->names[kind]};
  }
  return std::unique_ptr<Schema>(new Schema(std::move(rep)));
}

}  // namespace hv
