// How the simulated host's tables are kept in its store.
#include "hv/drivers/sim/sim_host.h"

#include <cstdlib>
#include <sstream>

#include "hv/model/codec.h"

namespace hv {
namespace {

// 2: saved machines. One of format 1 has none, and is of format 2 from the first change on.
constexpr long kFormat = 2;

std::string operation_text(const SimOperation& operation) {
  std::ostringstream out;
  out << to_string(operation.project) << ' ' << operation.epoch.value << ' ' << operation.sequence
      << ' ' << operation.due.count << ' ' << static_cast<int>(operation.phase) << ' '
      << static_cast<int>(operation.fault) << ' ' << static_cast<int>(operation.state) << ' '
      << operation.message.size() << '\n'
      << operation.message << encode(operation.operation);
  return out.str();
}

std::optional<SimOperation> operation_from(const std::string& id, const std::string& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::istringstream in(text.substr(0, end));
  std::string project;
  int phase = 0, fault = 0, state = 0;
  std::size_t length = 0;
  SimOperation operation;
  operation.id = OperationId{id};
  in >> project >> operation.epoch.value >> operation.sequence >> operation.due.count >> phase >>
      fault >> state >> length;
  const std::optional<Uuid> uuid = parse_uuid(project);
  if (!in || !uuid || length > text.size() - end - 1 || phase < 0 || phase > 3 || fault < 0 ||
      fault > static_cast<int>(SimFault::Kind::ignore_shutdown) || state < 0 || state > 3)
    return std::nullopt;
  operation.project = *uuid;
  operation.phase = static_cast<SimOperation::Phase>(phase);
  operation.fault = static_cast<SimFault::Kind>(fault);
  operation.state = static_cast<OperationState>(state);
  operation.message = text.substr(end + 1, length);
  Result<Operation> arguments = decode<Operation>(std::string_view(text).substr(end + 1 + length));
  if (!arguments.ok()) return std::nullopt;
  operation.operation = std::move(*arguments);
  return operation;
}

ObservedVdisk vdisk_of(const Operation& operation) {
  ObservedVdisk vdisk;
  vdisk.uuid = operation.uuid;
  vdisk.name = (operation.op == Op::pool_initialise ? "pool " : "") + operation.address.name;
  vdisk.scrubbed = !operation.settings.contains("keep_data");
  auto own = operation.extents.find("");
  if (own != operation.extents.end()) vdisk.extents = own->second;
  return vdisk;
}

}  // namespace

std::string SimHost::claim_key(const Claim& claim) {
  return "claim/" + to_string(claim.project) + "/" + to_string(claim.uuid) + "/" + claim.device;
}

Error SimHost::damaged(const std::string& key) const {
  return {Code::host_store_damaged,
          "the database of the simulated host `" + config_.host.text +
              "` is damaged: its record `" + key + "` cannot be read",
          "remove the host's folder to begin anew"};
}

SimHost::SimHost(const SimConfig& config, HostStore& store, const Schema& schema)
    : config_(config), store_(store), schema_(schema) {}

Status SimHost::load_meta() {
  if (const std::optional<std::string> format = TRY(store_.get("format"))) {
    char* end = nullptr;
    const long number = std::strtol(format->c_str(), &end, 10);
    if (number < 1 || *end != '\0') return damaged("format");
    if (number > kFormat)
      return Error{Code::host_store_newer,
                   "the database of the simulated host `" + config_.host.text + "` has format " +
                       *format + ", this hv knows " + std::to_string(kFormat),
                   "use the newer hv, or remove the host's folder to begin anew"};
    if (number < kFormat) touch_meta();
  }
  const std::optional<std::string> meta = TRY(store_.get("meta"));
  if (meta) {
    std::istringstream in(*meta);
    in >> host_id >> boot_id >> next_domid >> next_sequence;
    if (!in || !parse_uuid(host_id) || !parse_uuid(boot_id)) return damaged("meta");
    return {};
  }
  // Tables without their counters: numbers would be given out twice.
  if (!TRY(store_.scan("")).empty()) return damaged("meta");
  host_id = to_string(uuid_v5(Uuid{}, "simulated host " + config_.host.text));
  boot_id = to_string(uuid_v5(*parse_uuid(host_id), "boot 0"));
  touch_meta();
  return {};
}

Status SimHost::load_projects() {
  for (const auto& [key, value] : TRY(store_.scan("project/"))) {
    ProjectMemory project;
    std::string lineage;
    std::istringstream in(value);
    in >> lineage >> project.epoch.value >> project.serial.value;
    const std::optional<Uuid> id = parse_uuid(key.substr(8)), line = parse_uuid(lineage);
    if (!in || !id || !line) return damaged(key);
    project.project = *id;
    project.lineage = *line;
    projects[*id] = project;
  }
  return {};
}

Status SimHost::load() {
  TRY(load_meta());
  for (auto& [key, value] : TRY(store_.scan("dom/"))) {
    Result<ObservedDomain> domain = decode<ObservedDomain>(value);
    if (!domain.ok() || "dom/" + std::to_string(domain->domid.value) != key ||
        domain->domid.value >= next_domid)
      return damaged(key);
    const uint64_t domid = domain->domid.value;
    domains[domid] = std::move(*domain);
  }
  for (auto& [key, value] : TRY(store_.scan("saved/"))) {
    Result<ObservedDomain> image = decode<ObservedDomain>(value);
    if (!image.ok() || "saved/" + to_string(image->uuid) != key) return damaged(key);
    const Uuid uuid = image->uuid;
    saved[uuid] = std::move(*image);
  }
  for (auto& [key, value] : TRY(store_.scan("claim/"))) {
    Result<Claim> claim = decode<Claim>(value);
    if (!claim.ok() || claim_key(*claim) != key) return damaged(key);
    claims[key] = std::move(*claim);
  }
  TRY(load_projects());
  for (auto& [key, value] : TRY(store_.scan("map/"))) {
    Result<Operation> operation = decode<Operation>(value);
    if (!operation.ok() || "map/" + to_string(operation->uuid) != key) return damaged(key);
    SimMapping mapping;
    mapping.operation = std::move(*operation);
    mapping.vdisk = vdisk_of(mapping.operation);
    mappings[mapping.operation.uuid] = std::move(mapping);
  }
  for (auto& [key, value] : TRY(store_.scan("op/"))) {
    std::optional<SimOperation> operation = operation_from(key.substr(3), value);
    if (!operation) return damaged(key);
    operations[key.substr(3)] = std::move(*operation);
  }
  return {};
}

Status SimHost::save() {
  std::vector<StoreWrite> batch;
  if (meta_dirty_) {
    batch.push_back({"format", std::to_string(kFormat)});
    batch.push_back({"meta", host_id + " " + boot_id + " " + std::to_string(next_domid) + " " +
                                 std::to_string(next_sequence)});
  }
  for (const auto& [key, domid] : dirty_) {
    auto domain = domains.find(domid);
    batch.push_back(
        {key, domain == domains.end() ? std::nullopt : std::optional(encode(domain->second))});
  }
  for (const auto& [key, set] : keys_) {
    std::optional<std::string> value;
    if (key.starts_with("map/")) {
      auto mapping = mappings.find(parse_uuid(key.substr(4)).value_or(Uuid{}));
      if (mapping != mappings.end()) value = encode(mapping->second.operation);
    } else if (key.starts_with("saved/")) {
      auto image = saved.find(parse_uuid(key.substr(6)).value_or(Uuid{}));
      if (image != saved.end()) value = encode(image->second);
    } else if (key.starts_with("claim/")) {
      auto claim = claims.find(key);
      if (claim != claims.end()) value = encode(claim->second);
    } else if (key.starts_with("project/")) {
      auto project = projects.find(parse_uuid(key.substr(8)).value_or(Uuid{}));
      if (project != projects.end())
        value = to_string(project->second.lineage) + " " +
                std::to_string(project->second.epoch.value) + " " +
                std::to_string(project->second.serial.value);
    } else if (key.starts_with("op/")) {
      auto operation = operations.find(key.substr(3));
      if (operation != operations.end()) value = operation_text(operation->second);
    }
    batch.push_back({key, std::move(value)});
  }
  // A reader sees what will have happened by now, and writes nothing.
  if (!store_.read_only() && !batch.empty()) TRY(store_.write(batch));
  meta_dirty_ = false;
  dirty_.clear();
  keys_.clear();
  return {};
}

}  // namespace hv
