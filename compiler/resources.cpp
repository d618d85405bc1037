// From a block's attributes to the model's resources, and what is checked once all are known.
#include <algorithm>

#include "compiler/compilation.h"
#include "compiler/static_names.h"

namespace hv::compiler {
namespace {

const V* find(const BlockState& block, std::string_view name) {
  auto it = block.attributes.find(name);
  return it == block.attributes.end() ? nullptr : &it->second;
}

Span span_of(const BlockState& block, std::string_view name) {
  auto it = block.spans.find(name);
  return it == block.spans.end() ? block.header : it->second;
}

std::string text_or(const BlockState& block, std::string_view name, std::string fallback) {
  const V* v = find(block, name);
  return v != nullptr && v->is(Tag::string) ? v->text() : std::move(fallback);
}

// Attributes with a field of their own in DomainSpec.
bool has_own_field(std::string_view name) {
  return name == "name" || name == "host" || name == "uuid" || name == "state" || name == "disk" ||
         name == "vif" || name == "sharing" || name == "nics";
}

}  // namespace

bool Compilation::add(Resource resource, Span span) {
  Meter::work += 250;  // a resource costs more than the statements that make it
  const Address address = address_of(resource);
  auto [known, fresh] = declared_.try_emplace(address, span);
  if (!fresh) {
    Diagnostic& diagnostic = diagnostics_.report(Code::duplicate_resource, span,
                                                 "`" + to_string(address) + "` is declared twice");
    diagnostic.related.push_back({known->second, "first here"});
    diagnostic.help = "addresses are unique in a project, across all its files and hosts";
    return true;
  }
  graph_.add(std::move(resource));
  return true;
}

void Compilation::refer(const Address& from, const Address& to, Span span) {
  uses_.push_back({from, to, span});
}

void Compilation::build_lifecycle(BlockState& block, Lifecycle& lifecycle) {
  if (block.lifecycle == nullptr) return;
  const BlockState& from = *block.lifecycle;
  if (const V* v = find(from, "protect")) lifecycle.protect = truthy(*v);
  if (const V* v = find(from, "on_restart_needed"))
    lifecycle.on_restart_needed =
        on_restart_needed_from(v->text()).value_or(OnRestartNeeded::restart);
  if (const V* v = find(from, "stop"))
    lifecycle.stop = stop_by_from(v->text()).value_or(StopBy::shutdown);
  if (const V* v = find(from, "timeout")) lifecycle.stop_timeout = milliseconds(v->integer());
  if (const V* v = find(from, "stop_timeout")) lifecycle.stop_timeout = milliseconds(v->integer());
  if (const V* v = find(from, "ignore"))
    for (const V& item : v->as<SequenceObject>().items) lifecycle.ignore.push_back(str(item));
}

bool Compilation::build_domain(BlockState& block, const HostName& host, const std::string& root,
                               bool legacy) {
  DomainSpec domain;
  domain.address = block.address;
  domain.name = text_or(block, "name", block.address.name);
  domain.host = host;
  domain.place = sources_.begin_of(block.header);
  domain.root = root;
  if (auto why = reason_name_is_bad(domain.name)) {
    diagnostics_.report(Code::bad_name, span_of(block, "name"), *why);
    return true;
  }
  if (const V* uuid = find(block, "uuid")) {
    domain.uuid = parse_uuid(uuid->text());
    const Span at = span_of(block, "uuid");
    auto [known, fresh] = uuids_.try_emplace(*domain.uuid, block.address, at);
    if (!fresh) {
      Diagnostic& diagnostic =
          diagnostics_.report(Code::duplicate_resource, at,
                              "`" + to_string(block.address) + "` has the UUID of `" +
                                  to_string(known->second.first) + "`");
      diagnostic.related.push_back({known->second.second, "first here"});
      diagnostic.help =
          "Xen takes two machines of one UUID for one, and checks no disk between them";
    }
  }
  if (const V* state = find(block, "state"))
    domain.state = power_state_from(state->text()).value_or(PowerState::running);
  if (const V* sharing = find(block, "sharing"))
    domain.sharing = static_cast<int>(sharing->integer());
  std::map<std::string, Span> devices;
  if (const V* disks = find(block, "disk")) {
    domain.sets_disk = true;
    for (const V& item : disks->as<SequenceObject>().items) {
      Meter::work += 30;
      if (Meter::exhausted()) break;
      auto vbd = to_vbd(item, span_of(block, "disk"), sources_, diagnostics_);
      if (!vbd) continue;
      if (vbd->vdisk)
        refer(block.address, *vbd->vdisk, vbd->named.valid() ? vbd->named : vbd->span);
      auto [known, fresh] = devices.try_emplace(vbd->vbd.device, vbd->span);
      if (!fresh) {
        Diagnostic& diagnostic = diagnostics_.report(
            Code::bad_disk, vbd->span,
            "two disks of `" + block.address.name + "` are `" + vbd->vbd.device + "`");
        diagnostic.related.push_back({known->second, "first here"});
        continue;
      }
      domain.vbds.push_back(vbd->vbd);
    }
  }
  if (const V* vifs = find(block, "vif")) {
    domain.sets_vif = true;
    for (const V& item : vifs->as<SequenceObject>().items) {
      Meter::work += 30;
      if (Meter::exhausted()) break;
      auto vif = to_vif(item, span_of(block, "vif"), sources_, diagnostics_);
      if (!vif) continue;
      if (vif->vif.network)
        refer(block.address, *vif->vif.network, vif->named.valid() ? vif->named : vif->span);
      domain.vifs.push_back(vif->vif);
    }
  }
  if (const V* nics = find(block, "nics")) {
    // The count of old files: interfaces that are not described take the defaults.
    const int64_t wanted = std::min<int64_t>(nics->integer(), 256);
    domain.sets_vif = true;
    while (static_cast<int64_t>(domain.vifs.size()) < wanted) {
      Vif vif;
      vif.place = sources_.begin_of(span_of(block, "nics"));
      domain.vifs.push_back(std::move(vif));
    }
  }
  for (const auto& [name, value] : block.attributes) {
    if (has_own_field(name)) continue;
    const Attribute* attribute = request_.schema->find(Kind::domain, name);
    if (attribute == nullptr) continue;
    check_device_strings(value, *attribute, span_of(block, name), diagnostics_);
    domain.attributes.set(name, to_model(value, *attribute));
  }
  for (const Attribute& attribute : request_.schema->attributes(Kind::domain)) {
    if (!attribute.required || find(block, attribute.name) != nullptr) continue;
    Diagnostic& diagnostic = diagnostics_.report(
        Code::attribute_missing, block.header,
        "`" + to_string(block.address) + "` does not set `" + std::string(attribute.name) + "`");
    diagnostic.help = "this site's schema requires it";
  }
  build_lifecycle(block, domain.lifecycle);
  if (!legacy || !domain.attributes.empty()) {
    const Bytes* memory = domain.attributes.get<Bytes>("memory");
    const Bytes* maxmem = domain.attributes.get<Bytes>("maxmem");
    if (memory != nullptr && maxmem != nullptr && *maxmem < *memory) {
      Diagnostic& diagnostic = diagnostics_.report(
          Code::value_out_of_range, span_of(block, "maxmem"),
          "`maxmem` " + to_literal(*maxmem) + " is less than `memory` " + to_literal(*memory));
      diagnostic.related.push_back({span_of(block, "memory"), "memory is set here"});
    }
    const int64_t* vcpus = domain.attributes.get<int64_t>("vcpus");
    const int64_t* maxvcpus = domain.attributes.get<int64_t>("maxvcpus");
    if (vcpus != nullptr && maxvcpus != nullptr && *maxvcpus < *vcpus)
      diagnostics_
          .report(Code::value_out_of_range, span_of(block, "maxvcpus"),
                  "`maxvcpus` " + std::to_string(*maxvcpus) + " is less than `vcpus` " +
                      std::to_string(*vcpus))
          .related.push_back({span_of(block, "vcpus"), "vcpus is set here"});
  }
  attributes_[block.address] = block.attributes;
  return add(std::move(domain), block.header);
}

bool Compilation::build_vdisk(BlockState& block, const std::optional<Address>& pool,
                              const std::string& root) {
  VdiskSpec vdisk;
  vdisk.address = block.address;
  vdisk.place = sources_.begin_of(block.header);
  vdisk.root = root;
  if (pool) {
    vdisk.pool = *pool;
  } else if (const V* set = find(block, "pool"); set != nullptr && set->is(Tag::reference)) {
    vdisk.pool = set->as<ReferenceObject>().address;
    refer(block.address, vdisk.pool, span_of(block, "pool"));
  } else {
    Diagnostic& diagnostic = diagnostics_.report(
        Code::attribute_missing, block.header, "`" + to_string(block.address) + "` is in no pool");
    diagnostic.help = "write `vdisk " + block.address.name + " in POOL:`";
  }
  const V* size = find(block, "size");
  if (size == nullptr) {
    Diagnostic& diagnostic =
        diagnostics_.report(Code::attribute_missing, block.header,
                            "`" + to_string(block.address) + "` does not set `size`");
    diagnostic.help = "for example `size = 8GiB`";
  } else {
    vdisk.size = bytes(size->integer());
    if (vdisk.size.count <= 0 || vdisk.size.count % kSectorBytes != 0)
      diagnostics_.report(
          Code::value_out_of_range, span_of(block, "size"),
          "the size of a vdisk is a whole number of 512-byte sectors, at least one");
  }
  if (const V* expiry = find(block, "expiry"))
    if (expiry->integer() > 0) vdisk.expiry = milliseconds(expiry->integer());
  if (const V* shareable = find(block, "shareable");
      shareable != nullptr && shareable->is(Tag::tuple)) {
    const auto& parts = shareable->as<SequenceObject>().items;
    if (parts.size() == 2 && parts[0].is(Tag::string) &&
        (parts[1].is(Tag::list) || parts[1].is(Tag::tuple))) {
      ShareGrant grant;
      grant.vdisk = block.address;
      grant.filesystem = parts[0].text();
      grant.place = sources_.begin_of(span_of(block, "shareable"));
      for (const V& each : parts[1].as<SequenceObject>().items) {
        if (!each.is(Tag::reference)) continue;
        grant.domains.push_back(each.as<ReferenceObject>().address);
        grant_uses_.push_back({block.address, grant.domains.back(), span_of(block, "shareable")});
      }
      graph_.grants.push_back(std::move(grant));
    } else {
      Diagnostic& diagnostic =
          diagnostics_.report(Code::wrong_type, span_of(block, "shareable"),
                              "`shareable` is a filesystem and the domains that share it");
      diagnostic.help = "for example `shareable = (\"ocfs2\", [domain.a, domain.b])`";
    }
  }
  attributes_[block.address] = block.attributes;
  return add(std::move(vdisk), block.header);
}

bool Compilation::build_pool(BlockState& block, const HostName& host, const std::string& root) {
  PoolSpec pool;
  pool.address = block.address;
  pool.host = host;
  pool.place = sources_.begin_of(block.header);
  pool.root = root;
  const V* devices = find(block, "devices");
  if (devices == nullptr || devices->as<SequenceObject>().items.empty()) {
    Diagnostic& diagnostic =
        diagnostics_.report(Code::attribute_missing, block.header,
                            "`" + to_string(block.address) + "` has no `devices`");
    diagnostic.help = "for example `devices = [\"phy:/dev/sda10\"]`";
  } else {
    for (const V& device : devices->as<SequenceObject>().items) pool.devices.push_back(str(device));
  }
  if (const V* extent = find(block, "extent")) {
    pool.extent = bytes(extent->integer());
    if (pool.extent.count < kMiB || pool.extent.count % kSectorBytes != 0)
      diagnostics_.report(Code::value_out_of_range, span_of(block, "extent"),
                          "an extent is a whole number of sectors, at least 1MiB");
  }
  if (const V* scrub = find(block, "scrub"))
    pool.scrub = scrub_from(scrub->text()).value_or(Scrub::on_allocate);
  attributes_[block.address] = block.attributes;
  return add(std::move(pool), block.header);
}

bool Compilation::build_network(BlockState& block, const HostName& host, const std::string& root) {
  NetworkSpec network;
  network.address = block.address;
  network.host = host;
  network.place = sources_.begin_of(block.header);
  network.root = root;
  network.bridge = text_or(block, "bridge", "");
  if (network.bridge.empty()) {
    Diagnostic& diagnostic =
        diagnostics_.report(Code::attribute_missing, block.header,
                            "`" + to_string(block.address) + "` does not set `bridge`");
    diagnostic.help = "for example `bridge = \"xenbr0\"`";
  }
  if (const V* mtu = find(block, "mtu")) network.mtu = mtu->integer();
  if (const V* vlan = find(block, "vlan")) network.vlan = vlan->integer();
  attributes_[block.address] = block.attributes;
  return add(std::move(network), block.header);
}

// ---- once all is declared ----------------------------------------------------------------------

void Compilation::check_references() {
  for (const Use& use : grant_uses_)
    if (!declared_.contains(use.to)) uses_.push_back(use);
  for (const Use& use : uses_) {
    if (declared_.contains(use.to)) {
      graph_.add_reference(Reference{use.from, use.to, sources_.begin_of(use.span)});
      continue;
    }
    // `vd:ID` may be a disk of the 2004 manager, which `hv vd` made and no file declares.
    const std::string_view text = sources_.text(use.span);
    if (text.find("vd:") != std::string_view::npos) continue;
    Diagnostic& diagnostic = diagnostics_.report(Code::unknown_resource, use.span,
                                                 "`" + to_string(use.to) + "` is not declared");
    std::vector<std::string_view> names;
    for (const auto& [address, span] : declared_)
      if (address.kind == use.to.kind) names.push_back(address.name);
    if (auto near = nearest(use.to.name, names))
      diagnostic.help =
          "did you mean `" + to_string(Address{use.to.kind, std::string(*near)}) + "`?";
  }
}

void Compilation::check_cycles() {
  const std::vector<Reference> cycle = graph_.find_cycle();
  if (cycle.empty()) return;
  std::string path = to_string(cycle.front().from);
  for (const Reference& reference : cycle) path += " → " + to_string(reference.to);
  Diagnostic diagnostic;
  diagnostic.code = Code::reference_cycle;
  diagnostic.severity = Severity::error;
  diagnostic.message = "resources refer to each other in a circle: " + path;
  for (const Use& use : uses_) {
    const bool in_cycle = std::any_of(cycle.begin(), cycle.end(), [&](const Reference& r) {
      return r.from == use.from && r.to == use.to;
    });
    if (!in_cycle) continue;
    if (!diagnostic.primary.valid())
      diagnostic.primary = use.span;
    else
      diagnostic.related.push_back(
          {use.span, to_string(use.from) + " refers to " + to_string(use.to)});
  }
  diagnostics_.report(std::move(diagnostic));
}

void Compilation::check_moved() {
  std::set<Address> circles;  // told
  for (std::size_t i = 0; i < graph_.moved.size(); ++i) {
    const Moved& moved = graph_.moved[i];
    const Span span = moved_spans_[i];
    if (moved.from.kind != moved.to.kind) {
      diagnostics_.report(Code::moved_wrong, span,
                          "a " + std::string(hv::to_string(moved.from.kind)) + " cannot become a " +
                              std::string(hv::to_string(moved.to.kind)));
      continue;
    }
    if (auto it = declared_.find(moved.from); it != declared_.end()) {
      Diagnostic& diagnostic =
          diagnostics_.report(Code::moved_wrong, span,
                              "`" + to_string(moved.from) + "` moved away and is still declared");
      diagnostic.related.push_back({it->second, "declared here"});
    }
    std::set<Address> passed{moved.from};
    const Moved* at = &moved;
    while (at != nullptr && passed.insert(at->to).second) {
      const Address& to = at->to;
      at = nullptr;
      for (const Moved& other : graph_.moved)
        if (other.from == to) at = &other;
    }
    if (at != nullptr) {
      if (!circles.insert(moved.from).second) continue;
      circles.insert(passed.begin(), passed.end());
      diagnostics_.report(Code::moved_wrong, span,
                          "`" + to_string(moved.from) + "` is moved in a circle");
      continue;
    }
    const bool goes_on = std::any_of(graph_.moved.begin(), graph_.moved.end(),
                                     [&](const Moved& other) { return other.from == moved.to; });
    if (!declared_.contains(moved.to) && !goes_on)
      diagnostics_.report(Code::moved_wrong, span,
                          "`" + to_string(moved.to) + "`, where it moved to, is not declared");
  }
}

bool Compilation::declare_moved(const lang::MovedStmt& statement) {
  const auto address = [&](const lang::AddressRef& ref) -> std::optional<Address> {
    auto kind = kind_from(ref.kind);
    if (!kind) {
      interp_.raise(ref.kind_span, Code::moved_wrong,
                    "`" + std::string(ref.kind) + "` is no kind of resource",
                    "it is one of domain, vdisk, pool, network");
      return std::nullopt;
    }
    if (auto why = reason_name_is_bad(ref.name)) {
      interp_.raise(ref.name_span, Code::bad_name, *why);
      return std::nullopt;
    }
    return Address{*kind, std::string(ref.name)};
  };
  auto from = address(statement.from);
  if (!from) return false;
  auto to = address(statement.to);
  if (!to) return false;
  graph_.moved.push_back(Moved{*from, *to, sources_.begin_of(statement.span)});
  moved_spans_.push_back(statement.span);
  return true;
}

V Compilation::read_resource(const Address& address, std::string_view name, Span span) {
  if (name == "name" && !attributes_.contains(address) && address.kind != Kind::domain)
    return V::string(address.name);
  auto known = attributes_.find(address);
  if (known == attributes_.end()) {
    if (name == "name") return V::string(address.name);
    interp_.raise(span, Code::not_evaluated_yet,
                  "`" + to_string(address) + "` is not declared before this line",
                  "a reference may point forward, but reading an attribute needs the resource: "
                  "move it up");
    return V::failed();
  }
  const Attribute* attribute = request_.schema->find(address.kind, name);
  if (attribute == nullptr) {
    const bool runtime = known_only_at_apply(name);
    interp_.raise(span, Code::unknown_attribute,
                  "a " + std::string(hv::to_string(address.kind)) + " has no attribute `" +
                      std::string(name) + "`",
                  runtime ? "it is known only once the machine runs, and nothing of the language "
                            "depends on that"
                          : "");
    if (auto near = nearest(name, request_.schema->names(address.kind)); near && !runtime)
      interp_.pending->help = "did you mean `" + std::string(*near) + "`?";
    return V::failed();
  }
  auto value = known->second.find(attribute->name);
  if (value != known->second.end()) return value->second;
  if (attribute->name == "uuid" || attribute->type == AttributeType::mac)
    return interp_.raise(span, "ValueError",
                         "`" + to_string(address) + "." + std::string(name) +
                             "` is known only where the file sets it");
  Attributes given;
  for (const auto& [key, v] : known->second) {
    const Attribute* each = request_.schema->find(address.kind, key);
    if (each != nullptr) given.set(key, to_model(v, *each));
  }
  const Value fallback = request_.schema->default_of(address.kind, attribute->name, given);
  if (const auto* b = fallback.get<bool>()) return V::boolean(*b);
  if (const auto* i = fallback.get<int64_t>()) return V::integer(*i);
  if (const auto* d = fallback.get<double>()) return V::floating(*d);
  if (const auto* s = fallback.get<std::string>()) return V::string(*s);
  if (const auto* b = fallback.get<Bytes>()) return V::size(b->count);
  if (const auto* d = fallback.get<Duration>()) return V::duration(d->count);
  return V();
}

V Compilation::call_shareable(Call& call) {
  const auto usage = [&] {
    return call.interp.raise(
        call.span, "TypeError",
        "write it as `shareable(\"phy:/dev/sdc\", \"ocfs2\", [domain.a, domain.b])`");
  };
  if (call.positional.size() != 3 || !call.positional[0].is(Tag::string) ||
      !call.positional[1].is(Tag::string) ||
      (!call.positional[2].is(Tag::list) && !call.positional[2].is(Tag::tuple)))
    return usage();
  static constexpr std::string_view kFilesystems[] = {"ocfs2", "gfs2", "raw-app"};
  const std::string& filesystem = call.positional[1].text();
  if (std::find(std::begin(kFilesystems), std::end(kFilesystems), filesystem) ==
      std::end(kFilesystems))
    return call.interp.raise(call.span, "ValueError",
                             "`" + filesystem + "` is not made for several writers",
                             "it is one of \"ocfs2\", \"gfs2\", \"raw-app\"");
  ShareGrant grant;
  grant.source = call.positional[0].text();
  grant.filesystem = filesystem;
  grant.place = sources_.begin_of(call.span);
  for (const V& each : call.positional[2].as<SequenceObject>().items) {
    if (!each.is(Tag::reference)) return usage();
    const Address& address = each.as<ReferenceObject>().address;
    grant.domains.push_back(address);
    grant_uses_.push_back({address, address, each.as<ReferenceObject>().span});
  }
  graph_.grants.push_back(std::move(grant));
  return V();
}

}  // namespace hv::compiler
