// DesiredGraph: everything that should exist, and who refers to whom.
//
// Made by the compiler, read by everybody else. Resources keep the order of their declaration.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hv/model/resources.h"

namespace hv {

// A source file that went into the graph.
struct InputFile {
  std::string file;    // relative to hv.toml where it lies below it
  std::string sha256;  // hex
  auto operator<=>(const InputFile&) const = default;
};

// `from` refers to `to` (a VBD to its vdisk, a vdisk to its pool, an attribute that was read).
struct Reference {
  Address from;
  Address to;
  Place place;
};

class DesiredGraph {
 public:
  DesiredGraph();
  ~DesiredGraph();
  DesiredGraph(DesiredGraph&&) noexcept;
  DesiredGraph& operator=(DesiredGraph&&) noexcept;

  // False, and nothing added, if the address is taken.
  bool add(Resource resource);
  void add_reference(Reference reference);  // both ends may be added later

  std::span<const Resource> resources() const;
  const Resource* find(const Address& address) const;
  template <typename T>
  const T* get(const Address& address) const {
    const Resource* resource = find(address);
    return resource == nullptr ? nullptr : std::get_if<T>(resource);
  }
  std::span<const Reference> references() const;

  // Every resource after all it refers to; references to absent resources are left out. Empty if
  // there is a cycle and the graph is not.
  std::vector<Address> in_dependency_order() const;
  // The references of one cycle, in order, or nothing.
  std::vector<Reference> find_cycle() const;

  std::vector<ShareGrant> grants;
  std::vector<Moved> moved;
  std::vector<InputFile> inputs;              // sources, imports, hv.toml, schemas
  std::vector<std::string> roots;             // the root files compiled, relative to hv.toml
  std::map<std::string, std::string> params;  // -p, as given; secrets as "(secret)"

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace hv
