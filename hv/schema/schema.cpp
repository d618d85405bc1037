#include "hv/schema/schema.h"

#include <algorithm>

#include "hv/schema/rep.h"

namespace hv {

namespace {

const schema_table::Name* find_name(const schema_table::Table& table, std::string_view name) {
  auto found = std::lower_bound(
      table.names.begin(), table.names.end(), name,
      [](const schema_table::Name& entry, std::string_view wanted) { return entry.name < wanted; });
  return found == table.names.end() || found->name != name ? nullptr : &*found;
}

}  // namespace

Schema::Schema(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Schema::~Schema() = default;

const Schema& Schema::builtin() {
  static const Schema schema = [] {
    auto rep = std::make_unique<Rep>();
    rep->tables = schema_table::tables;
    return Schema(std::move(rep));
  }();
  return schema;
}

std::span<const Attribute> Schema::attributes(Kind kind) const {
  return rep_->tables[static_cast<std::size_t>(kind)].attributes;
}

const Attribute* Schema::find(Kind kind, std::string_view name) const {
  const schema_table::Table& table = rep_->tables[static_cast<std::size_t>(kind)];
  const schema_table::Name* entry = find_name(table, name);
  return entry == nullptr ? nullptr : &table.attributes[entry->attribute];
}

const Attribute* Schema::find_key(std::string_view name, bool generation_2004) const {
  const schema_table::Table& table = rep_->tables[static_cast<std::size_t>(Kind::domain)];
  const schema_table::Name* entry = find_name(table, name);
  if (entry == nullptr) return nullptr;
  uint8_t wanted = schema_table::kEverywhere;
  wanted |= generation_2004 ? schema_table::k2004 : schema_table::kXm | schema_table::kXl;
  return (entry->generations & wanted) == 0 ? nullptr : &table.attributes[entry->attribute];
}

bool Schema::is_key_2004(std::string_view name) const {
  const schema_table::Name* entry =
      find_name(rep_->tables[static_cast<std::size_t>(Kind::domain)], name);
  return entry != nullptr && (entry->generations & schema_table::kMarks2004) != 0;
}

std::vector<std::string_view> Schema::names(Kind kind) const {
  std::vector<std::string_view> names;
  for (const schema_table::Name& entry : rep_->tables[static_cast<std::size_t>(kind)].names) {
    names.push_back(entry.name);
  }
  return names;
}

namespace {

std::optional<std::string_view> if_permitted(const Attribute& attribute, std::string_view choice) {
  auto found = std::find(attribute.choices.begin(), attribute.choices.end(), choice);
  if (found == attribute.choices.end()) return std::nullopt;
  return *found;
}

}  // namespace

std::optional<std::string_view> choice_from(const Attribute& attribute, std::string_view text) {
  if (std::optional<std::string_view> exact = if_permitted(attribute, text)) return exact;
  if (!attribute.prefix_choice || text.empty()) return std::nullopt;
  // Among all that xl knows, in its order: a site that takes `pv` away does not turn "p" into
  // `pvh`.
  for (std::string_view choice : attribute.known_choices) {
    if (choice.substr(0, text.size()) == text) return if_permitted(attribute, choice);
  }
  return std::nullopt;
}

std::optional<std::string_view> choice_from(const Attribute& attribute, int64_t number) {
  if (!attribute.numbered_choices || number < 0 ||
      static_cast<uint64_t>(number) >= attribute.known_choices.size()) {
    return std::nullopt;
  }
  return if_permitted(attribute, attribute.known_choices[static_cast<std::size_t>(number)]);
}

}  // namespace hv
