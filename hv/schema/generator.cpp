#include "hv/schema/generator.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "hv/schema/bounds.h"
#include "hv/schema/schema.h"
#include "hv/schema/table.h"
#include "hv/schema/table_reader.h"
#include "hv/schema/toml.h"

namespace hv {

namespace {

constexpr ReaderCodes kCodes = {Code::schema_unknown_field, Code::schema_wrong_type,
                                Code::schema_bad_value};

// One attribute as its table says it.
struct Row {
  std::string name;
  Span name_span;
  AttributeType type = AttributeType::string;
  Span type_span;
  std::string doc, unit, default_text, follows, reference_kind, generations, source, only_for;
  Span follows_span;
  int64_t bare_unit = 1;
  std::optional<int64_t> minimum, maximum;
  std::vector<std::string> choices;
  std::string how = "restart";
  bool prefix_choice = false, numbered_choices = false, takes_float = false, lone_string = false;
  bool required = false, observed = false, block_only = false, everywhere = false;
  bool marks_2004 = false;
  uint8_t bits = 0;
  struct Alias {
    std::string name;
    uint8_t bits = 0;
    Span span;
  };
  std::vector<Alias> aliases;

  bool legacy() const {
    return !block_only &&
           ((bits & (schema_table::kXm | schema_table::kXl | schema_table::k2004)) != 0 ||
            everywhere);
  }
};

struct GenerationWord {
  std::string_view word;
  uint8_t bit;
  std::string_view source;  // where such a key is documented, unless `source` says otherwise
};
constexpr std::array<GenerationWord, 4> kGenerations = {{
    {"xm", schema_table::kXm, "xm create"},
    {"xl", schema_table::kXl, "xl.cfg(5)"},
    {"2004", schema_table::k2004, "xc_dom_create 2004"},
    {"hv", schema_table::kHv, "hv"},
}};

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

class RowReader {
 public:
  RowReader(const TomlEntry& entry, Diagnostics& diagnostics)
      : entry_(entry),
        reader_(entry.value, "[" + entry.key + "]", kCodes, diagnostics),
        diagnostics_(diagnostics) {}

  Row read() {
    row_.name = entry_.key;
    row_.name_span = entry_.key_span;
    check_name(row_.name, row_.name_span);
    read_type();
    read_generations();
    read_words();
    read_choices();
    read_bounds();
    read_aliases();
    read_default();
    reader_.finish();
    return std::move(row_);
  }

 private:
  void wrong(Span span, std::string message) {
    diagnostics_.report(kCodes.bad_value, span.valid() ? span : entry_.key_span,
                        "`" + entry_.key + "`: " + std::move(message));
  }

  void check_name(const std::string& name, Span span) {
    bool good = !name.empty();
    for (char c : name) {
      good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.');
    }
    if (!good) wrong(span, "`" + name + "` is no name of an attribute");
  }

  void read_type() {
    std::optional<std::string> word = reader_.string("type");
    row_.type_span = reader_.span_of("type");
    if (!row_.type_span.valid()) wrong({}, "it needs a `type`");
    if (!word) return;
    std::optional<AttributeType> type = attribute_type_from(*word);
    if (!type) return wrong(row_.type_span, "`" + *word + "` is no type");
    row_.type = *type;
  }

  uint8_t bits_of(const TomlValue& value) {
    uint8_t bits = 0;
    std::vector<const TomlValue*> words;
    if (value.type == TomlType::array) {
      for (const TomlValue& item : value.items) words.push_back(&item);
    } else {
      words.push_back(&value);
    }
    for (const TomlValue* word : words) {
      auto found = std::find_if(kGenerations.begin(), kGenerations.end(),
                                [&](const GenerationWord& g) { return word->text == g.word; });
      if (word->type != TomlType::string || found == kGenerations.end()) {
        wrong(word->span, "a generation is one of `xm`, `xl`, `2004`, `hv`");
        continue;
      }
      bits |= found->bit;
    }
    return bits;
  }

  void read_generations() {
    const TomlEntry* entry = reader_.any("generations");
    if (entry == nullptr) return wrong({}, "it needs `generations`");
    row_.bits = bits_of(entry->value);
    for (const GenerationWord& generation : kGenerations) {
      if ((row_.bits & generation.bit) == 0) continue;
      row_.generations += (row_.generations.empty() ? "" : " ") + std::string(generation.word);
      // xl's page is the one that is still there to be read.
      if (row_.source.empty() || generation.bit == schema_table::kXl) {
        row_.source = generation.source;
      }
    }
  }

  void read_words() {
    std::optional<std::string> doc = reader_.string("doc");
    if (doc) row_.doc = *doc;
    if (!reader_.span_of("doc").valid() || (doc && doc->empty())) wrong({}, "it needs a `doc`");
    row_.source = reader_.string("source").value_or(row_.source);
    row_.how = reader_.string("how").value_or("restart");
    constexpr std::array<std::string_view, 4> hows = {"live", "restart", "replace", "bookkeeping"};
    if (std::find(hows.begin(), hows.end(), row_.how) == hows.end()) {
      wrong(reader_.span_of("how"), "`how` is one of live, restart, replace, bookkeeping");
    }
    row_.required = reader_.boolean("required").value_or(false);
    row_.observed = reader_.boolean("observed").value_or(false);
    row_.block_only = reader_.boolean("block_only").value_or(false);
    row_.everywhere = reader_.boolean("key_everywhere").value_or(false);
    row_.marks_2004 = reader_.boolean("marks_2004").value_or(false);
    row_.takes_float = reader_.boolean("takes_float").value_or(false);
    row_.lone_string = reader_.boolean("lone_string").value_or(false);
    for (const std::string& type :
         reader_.strings("only_for").value_or(std::vector<std::string>())) {
      if (type != "pv" && type != "hvm" && type != "pvh") {
        wrong(reader_.span_of("only_for"), "`" + type + "` is no type of domain");
      }
      row_.only_for += (row_.only_for.empty() ? "" : " ") + type;
    }
    std::optional<std::string> kind = reader_.string("reference_kind");
    bool refers =
        row_.type == AttributeType::reference || row_.type == AttributeType::reference_list;
    if (refers != kind.has_value()) wrong({}, "`reference_kind` belongs to references, always");
    if (kind && !kind_from(*kind)) {
      wrong(reader_.span_of("reference_kind"), "`" + *kind + "` is no kind of resource");
    } else if (kind) {
      row_.reference_kind = *kind;
    }
  }

  void read_choices() {
    row_.choices = reader_.strings("choices").value_or(std::vector<std::string>());
    if ((row_.type == AttributeType::choice) == row_.choices.empty()) {
      wrong(row_.type_span, "`choices` belong to the type `choice`, always");
    }
    row_.prefix_choice = reader_.boolean("prefix_choice").value_or(false);
    row_.numbered_choices = reader_.boolean("numbered_choices").value_or(false);
    if ((row_.prefix_choice || row_.numbered_choices) && row_.choices.empty()) {
      wrong({}, "it has no `choices`");
    }
  }

  void read_bounds() {
    row_.unit = reader_.string("unit").value_or("");
    if (row_.type == AttributeType::size || row_.type == AttributeType::duration) {
      std::optional<int64_t> unit =
          row_.type == AttributeType::size ? size_unit(row_.unit) : duration_unit(row_.unit);
      if (!unit) wrong(reader_.span_of("unit"), "it needs a `unit` that a bare number counts");
      row_.bare_unit = unit.value_or(1);
    }
    row_.minimum = bound("min");
    row_.maximum = bound("max");
    if (row_.minimum && row_.maximum && *row_.minimum > *row_.maximum) {
      wrong(reader_.span_of("max"), "`max` is below `min`");
    }
  }

  std::optional<int64_t> bound(std::string_view key) {
    const TomlEntry* entry = reader_.any(key);
    if (entry == nullptr) return std::nullopt;
    std::optional<int64_t> value = bound_of(row_.type, row_.bare_unit, entry->value);
    if (!value) wrong(entry->value.span, "`" + std::string(key) + "` does not fit the type");
    return value;
  }

  void read_aliases() {
    const TomlValue* table = reader_.table("aliases");
    if (table == nullptr) return;
    for (const TomlEntry& alias : table->entries) {
      check_name(alias.key, alias.key_span);
      row_.aliases.push_back({alias.key, bits_of(alias.value), alias.key_span});
    }
  }

  void read_default() {
    row_.follows = reader_.string("follows").value_or("");
    row_.follows_span = reader_.span_of("follows");
    const TomlEntry* entry = reader_.any("default");
    if (entry == nullptr) return;
    std::optional<std::string> text = default_text(entry->value);
    if (!text) return wrong(entry->value.span, "`default` does not fit the type");
    row_.default_text = *text;
  }

  // The default in the language's own spelling.
  std::optional<std::string> default_text(const TomlValue& value) {
    switch (row_.type) {
      case AttributeType::boolean:
        if (value.type != TomlType::boolean) return std::nullopt;
        return value.flag ? "True" : "False";
      case AttributeType::integer:
      case AttributeType::number:
      case AttributeType::size:
      case AttributeType::duration: {
        std::optional<int64_t> number = bound_of(row_.type, row_.bare_unit, value);
        if (!number || (row_.minimum && *number < *row_.minimum) ||
            (row_.maximum && *number > *row_.maximum)) {
          return std::nullopt;
        }
        return bound_text(row_.type, *number);
      }
      case AttributeType::choice:
        if (std::find(row_.choices.begin(), row_.choices.end(), value.text) == row_.choices.end()) {
          return std::nullopt;
        }
        return quoted(value.text);
      case AttributeType::string:
      case AttributeType::path:
      case AttributeType::ip:
        if (value.type != TomlType::string) return std::nullopt;
        return quoted(value.text);
      case AttributeType::uuid:
      case AttributeType::mac:
      case AttributeType::secret:
      case AttributeType::string_list:
      case AttributeType::cpu_list:
      case AttributeType::vbd_list:
      case AttributeType::vif_list:
      case AttributeType::reference:
      case AttributeType::reference_list:
      case AttributeType::raw:
        return std::nullopt;
    }
    HV_CHECK(false, "an attribute type without defaults");
  }

  const TomlEntry& entry_;
  TableReader reader_;
  Diagnostics& diagnostics_;
  Row row_;
};

// What only all rows of a kind together can show.
class KindChecker {
 public:
  KindChecker(const std::vector<Row>& rows, Diagnostics& diagnostics)
      : rows_(rows), diagnostics_(diagnostics) {}

  void check() {
    std::map<std::string_view, Span> taken;
    for (const Row& row : rows_) {
      claim(taken, row.name, row.name_span, row);
      for (const Row::Alias& alias : row.aliases) claim(taken, alias.name, alias.span, row);
      if (!row.follows.empty()) check_follows(row);
    }
  }

 private:
  void claim(std::map<std::string_view, Span>& taken, std::string_view name, Span span,
             const Row& row) {
    auto [place, fresh] = taken.emplace(name, span);
    if (fresh) return;
    diagnostics_
        .report(kCodes.bad_value, span,
                "`" + row.name + "`: the name `" + std::string(name) + "` is taken")
        .related.push_back({place->second, "first given here"});
  }

  const Row* find(const std::string& name) const {
    for (const Row& row : rows_) {
      if (row.name == name) return &row;
    }
    return nullptr;
  }

  // A ring of attributes that follow each other needs a default somewhere, or nothing would ever
  // answer.
  void check_follows(const Row& row) {
    const Row* next = find(row.follows);
    if (next == nullptr || next->type != row.type) {
      diagnostics_.report(
          kCodes.bad_value, row.follows_span,
          "`" + row.name + "` cannot follow `" + row.follows + "`: no attribute of its type");
      return;
    }
    for (std::size_t hops = 0; next != nullptr && !next->follows.empty(); ++hops) {
      if (!next->default_text.empty()) return;
      if (hops > rows_.size()) {
        diagnostics_.report(kCodes.bad_value, row.follows_span,
                            "`" + row.name + "` follows itself and no `default` ends it");
        return;
      }
      next = find(next->follows);
    }
  }

  const std::vector<Row>& rows_;
  Diagnostics& diagnostics_;
};

// Writes the .cpp.
class Writer {
 public:
  std::string write(const std::array<std::vector<Row>, schema_table::kKinds>& rows) {
    out_ =
        "// Generated from schemas/*.toml; do not edit.\n"
        "#include \"hv/schema/table.h\"\n\n"
        "namespace hv::schema_table {\nnamespace {\n\n";
    for (std::size_t kind = 0; kind < rows.size(); ++kind) {
      write_kind("k" + std::to_string(kind), rows[kind]);
    }
    out_ += "}  // namespace\n\nconstinit const std::array<Table, kKinds> tables = {{\n";
    for (std::size_t kind = 0; kind < rows.size(); ++kind) {
      std::string prefix = "k" + std::to_string(kind);
      out_ += rows[kind].empty() ? "    {},\n"
                                 : "    {" + prefix + "Attributes, " + prefix + "Names},\n";
    }
    out_ += "}};\n\n}  // namespace hv::schema_table\n";
    return std::move(out_);
  }

 private:
  void write_kind(const std::string& prefix, const std::vector<Row>& rows) {
    if (rows.empty()) return;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::vector<std::string> aliases;
      for (const Row::Alias& alias : rows[i].aliases) aliases.push_back(alias.name);
      write_words(prefix + "Choices" + std::to_string(i), rows[i].choices);
      write_words(prefix + "Aliases" + std::to_string(i), aliases);
    }
    out_ += "\nconstexpr Attribute " + prefix + "Attributes[] = {\n";
    for (std::size_t i = 0; i < rows.size(); ++i) write_row(prefix, rows[i], i);
    out_ += "};\n\n";
    write_names(prefix, rows);
  }

  void write_words(const std::string& symbol, const std::vector<std::string>& words) {
    if (words.empty()) return;
    out_ += "constexpr std::string_view " + symbol + "[] = {";
    for (const std::string& word : words) out_ += quoted(word) + ", ";
    out_ += "};\n";
  }

  void field(std::string_view name, const std::string& value) {
    out_ += "." + std::string(name) + " = " + value + ", ";
  }
  void text(std::string_view name, const std::string& value) { field(name, quoted(value)); }
  void flag(std::string_view name, bool value) { field(name, value ? "true" : "false"); }
  void bound(std::string_view name, std::optional<int64_t> value) {
    field(name, value ? "INT64_C(" + std::to_string(*value) + ")" : "std::nullopt");
  }

  void write_row(const std::string& prefix, const Row& row, std::size_t index) {
    std::string number = std::to_string(index);
    out_ += "    {";
    text("name", row.name);
    field("type", "AttributeType::" + std::string(to_string(row.type)));
    text("doc", row.doc);
    text("unit", row.unit);
    field("bare_unit", "INT64_C(" + std::to_string(row.bare_unit) + ")");
    bound("minimum", row.minimum);
    bound("maximum", row.maximum);
    field("choices", row.choices.empty() ? "{}" : prefix + "Choices" + number);
    field("known_choices", row.choices.empty() ? "{}" : prefix + "Choices" + number);
    flag("prefix_choice", row.prefix_choice);
    flag("numbered_choices", row.numbered_choices);
    flag("takes_float", row.takes_float);
    flag("lone_string", row.lone_string);
    field("reference_kind",
          row.reference_kind.empty() ? "std::nullopt" : "Kind::" + row.reference_kind);
    field("how", "How::" + row.how);
    text("default_text", row.default_text);
    text("follows", row.follows);
    text("only_for", row.only_for);
    field("aliases", row.aliases.empty() ? "{}" : prefix + "Aliases" + number);
    text("generations", row.generations);
    text("source", row.source);
    flag("required", row.required);
    flag("legacy_key", row.legacy());
    flag("block_only", !row.legacy());
    flag("observed", row.observed);
    flag("custom", false);
    out_ += "},\n";
  }

  void write_names(const std::string& prefix, const std::vector<Row>& rows) {
    struct Entry {
      std::string name;
      std::size_t attribute;
      unsigned bits;
    };
    std::vector<Entry> names;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto add = [&](const std::string& name, uint8_t bits) {
        unsigned all = bits;
        if (rows[i].block_only) all = schema_table::kHv;
        if (rows[i].everywhere) all |= schema_table::kEverywhere;
        if (rows[i].marks_2004 && bits == schema_table::k2004) all |= schema_table::kMarks2004;
        names.push_back({name, i, all});
      };
      add(rows[i].name, rows[i].bits);
      for (const Row::Alias& alias : rows[i].aliases) add(alias.name, alias.bits);
    }
    std::sort(names.begin(), names.end(),
              [](const Entry& a, const Entry& b) { return a.name < b.name; });
    out_ += "constexpr Name " + prefix + "Names[] = {\n";
    for (const Entry& entry : names) {
      out_ += "    {" + quoted(entry.name) + ", " + std::to_string(entry.attribute) + ", " +
              std::to_string(entry.bits) + "},\n";
    }
    out_ += "};\n\n";
  }

  std::string out_;
};

}  // namespace

std::optional<std::string> generate_table(std::span<const SchemaFile> files,
                                          const SourceMap& sources, Diagnostics& diagnostics) {
  std::array<std::vector<Row>, schema_table::kKinds> rows;
  for (const SchemaFile& file : files) {
    std::optional<TomlValue> table =
        parse_toml(file.file, sources, Code::schema_syntax, diagnostics);
    if (!table) continue;
    std::vector<Row>& of_kind = rows[static_cast<std::size_t>(file.kind)];
    for (const TomlEntry& entry : table->entries) {
      if (entry.value.type != TomlType::table) {
        diagnostics.report(kCodes.wrong_type, entry.key_span,
                           "`" + entry.key + "` is not the table of an attribute");
        continue;
      }
      of_kind.push_back(RowReader(entry, diagnostics).read());
    }
    std::sort(of_kind.begin(), of_kind.end(),
              [](const Row& a, const Row& b) { return a.name < b.name; });
    KindChecker(of_kind, diagnostics).check();
  }
  if (diagnostics.has_errors()) return std::nullopt;
  return Writer().write(rows);
}

}  // namespace hv
