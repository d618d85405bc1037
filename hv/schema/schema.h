// Schema: the one table of attributes that drives checker, planner, explain and documentation.
//
// Compiled in from schemas/*.toml by a generator at build time; nothing is parsed at start. A
// site's own narrowing (a `schemas/` folder beside hv.toml) makes a second Schema from the first.
// Immutable once made; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "base/ids.h"
#include "base/source.h"
#include "hv/model/plan.h"
#include "hv/model/value.h"

namespace hv {

enum class AttributeType : uint8_t {
  boolean,
  integer,
  number,  // float
  string,
  size,      // a bare int counts `bare_unit` bytes
  duration,  // a bare int counts `bare_unit` milliseconds
  uuid,
  mac,
  ip,
  path,
  secret,
  choice,       // one of `choices`
  string_list,  // also a lone string, where `lone_string` says so
  cpu_list,     // "0-3,^2", a list or a string
  vbd_list,
  vif_list,
  reference,  // to a resource of `reference_kind`
  reference_list,
  raw,  // strings or lists that pass through unchanged (ioports, vnuma, cpuid, …)
};
std::string_view to_string(AttributeType type);
std::optional<AttributeType> attribute_type_from(std::string_view word);
std::string_view describe(AttributeType type);  // "a size", "yes or no": what to write, for people

struct Attribute {
  std::string_view name;
  AttributeType type{};
  std::string_view doc;                     // one or two sentences for people
  std::string_view unit;                    // for people: "MiB", "percent"; may be empty
  int64_t bare_unit = 1;                    // size, duration: what a bare int counts
  std::optional<int64_t> minimum, maximum;  // of integers, bytes or milliseconds
  std::span<const std::string_view> choices;
  std::span<const std::string_view> known_choices;  // before a site narrowed them
  bool prefix_choice = false;     // `builder`: a prefix of a choice is taken, as xl does
  bool numbered_choices = false;  // `tsc_mode`: a bare int n is the choice n, counted from 0
  bool takes_float = false;       // `cpu_weight`: domain files may say 0.5; the fraction is dropped
  bool lone_string = false;
  std::optional<Kind> reference_kind;
  How how = How::restart;         // how a change is carried out
  std::string_view default_text;  // in the language's own spelling, "" where there is none
  std::string_view follows;       // unset, it is what this other attribute is, if that is set
  std::string_view only_for;      // domain types it has a meaning for: "hvm pvh"; empty: all
  std::span<const std::string_view> aliases;  // other names through the generations
  std::string_view generations;  // which tools know it: any of "xm", "xl", "2004", "hv"
  std::string_view source;       // "xl.cfg(5)", "xm create.py", "vbd-howto-2004"
  bool required = false;
  bool legacy_key = false;  // a key of domain files
  bool block_only = false;  // only in typed blocks (state, autostart, host)
  bool observed = false;    // a live look can tell its value
  bool custom = false;      // a site's own, declared in its `schemas/`
};

// The choice that a text means: itself, or where `prefix_choice` says so the first of the known
// ones that it begins. Nothing where it means none, or one that the site does not permit.
std::optional<std::string_view> choice_from(const Attribute& attribute, std::string_view text);
// Likewise for a bare int (`numbered_choices`).
std::optional<std::string_view> choice_from(const Attribute& attribute, int64_t number);

// The long form that `hv explain memory` prints; lines of at most 80 columns.
std::string describe(const Attribute& attribute);

class Schema {
 public:
  static const Schema& builtin();
  ~Schema();

  std::span<const Attribute> attributes(Kind kind) const;  // sorted by name
  // By name or alias; nullptr for an unknown one.
  const Attribute* find(Kind kind, std::string_view name) const;
  // The attribute that this name has as a key of a legacy domain file (2004 names in 2004 files).
  const Attribute* find_key(std::string_view name, bool generation_2004) const;
  // One of the eight names whose assignment makes a domain file one of 2004 (`mem_size`, …).
  bool is_key_2004(std::string_view name) const;
  // Every name and alias, sorted: what nearest() and completion choose from.
  std::vector<std::string_view> names(Kind kind) const;
  // The default of an attribute as a typed value; unset where there is none. Some follow another
  // attribute (maxmem follows memory, maxvcpus follows vcpus): `given` has what is set.
  Value default_of(Kind kind, std::string_view name, const Attributes& given) const;
  // What is in force: the attribute as set, else its default.
  Value effective(Kind kind, std::string_view name, const Attributes& given) const;

  // Narrows by the *.toml files of a site's `schemas/` folder, in the order given. What cannot be
  // narrowed so is a diagnostic and left as it was.
  std::unique_ptr<Schema> narrowed(std::span<const FileId> files, const SourceMap& sources,
                                   Diagnostics& diagnostics) const;

  struct Rep;

 private:
  explicit Schema(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace hv
