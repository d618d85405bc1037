#include "hv/drivers/xl/xl.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "hv/drivers/mapping.h"
#include "hv/drivers/xl/claim_text.h"
#include "hv/drivers/xl/domain_file.h"
#include "hv/drivers/xl/host_shell.h"
#include "hv/drivers/xl/look.h"
#include "hv/drivers/xl/look_text.h"
#include "hv/drivers/xl/vdisk.h"

namespace hv {

// The .sh files beside this one, embedded by the build.
std::span<const std::pair<std::string_view, std::string_view>> xl_scripts();

namespace {

// How hostop.sh ends.
constexpr int kFenced = 90, kStillRunning = 91;
// A shell's exit code above this is a signal's.
constexpr int kSignals = 128;
// Longer than any operation: enter() waits for what an older hv began.
constexpr Duration kLongestWait = seconds(600);
// So long look.sh waits for a machine that is between two lives.
constexpr Duration kLongestLook = seconds(60);
// Between two questions about what is in flight: at first, and at most. An operation that has taken
// long takes longer still, and each question costs the host processes.
constexpr Duration kAskSoon = milliseconds(200), kAskLate = milliseconds(2000);

std::string_view script(std::string_view name) {
  for (const auto& [file, text] : xl_scripts())
    if (file == name) return text;
  HV_CHECK(false, "a script of the xl driver is missing");
}

std::string last_lines(const std::string& text) {
  // libxl is wordy, and its last word is the least telling: the first error says why.
  std::string first, rest;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    if (first.empty() && line.find("error") != std::string::npos) first = line;
    if (!line.empty() && !line.starts_with("Parsing config")) rest = line;
    begin = end + 1;
  }
  return first.empty() ? rest : first;
}

// An action of hostop.sh, its arguments and its input.
struct Action {
  std::vector<std::string> words;
  std::string input;
};

class XlDriver final : public Driver {
 public:
  XlDriver(const XlConfig& config, const Schema& schema, Clock& clock)
      : config_(config), schema_(schema), clock_(clock), shell_(config) {
    capabilities_.version = "Xen";
    capabilities_.checks_sharing = true;
    capabilities_.operations = {Op::domain_create,   Op::domain_unpause,  Op::domain_pause,
                                Op::domain_shutdown, Op::domain_destroy,  Op::domain_memory,
                                Op::domain_vcpus,    Op::domain_schedule, Op::domain_rename,
                                Op::domain_save,     Op::domain_restore,  Op::domain_unrestore,
                                Op::vbd_attach,      Op::vbd_detach,      Op::vbd_enlarge,
                                Op::vif_attach,      Op::vif_detach,      Op::pool_initialise,
                                Op::vdisk_create,    Op::vdisk_enlarge,   Op::vdisk_expire};
  }

  const Capabilities& capabilities() const override { return capabilities_; }

  HostObservation observe() override {
    const Result<ProcessEnd> looked =
        shell_.run(script("look.sh"), {config_.state}, "", kLongestLook + config_.answer_within);
    if (looked.ok() && looked->code == 0) {
      if (const std::string version = hypervisor_version(looked->output); !version.empty())
        capabilities_.version = "Xen " + version;
      return read_look(looked->output, config_.host, clock_.now(), config_.project);
    }
    HostObservation nothing;
    nothing.host = config_.host;
    nothing.at = clock_.now();
    nothing.reason = looked.ok() ? "the host cannot be read: " + last_lines(looked->errors)
                                 : looked.error().message;
    return nothing;
  }

  Status enter(const Caller& caller, bool take_over) override {
    return hostop({"enter", to_string(caller.project), to_string(caller.lineage),
                   std::to_string(caller.epoch.value), std::to_string(caller.serial.value),
                   take_over ? "take" : "keep", std::to_string(kLongestWait.count / 1000)},
                  "", kLongestWait + config_.answer_within);
  }

  Status check(const Operation& operation) const override {
    const Result<Action> action = action_of(operation);
    return action.ok() ? Status() : Status(action.error());
  }

  Status begin(const OperationId& id, const Caller& caller, const Operation& operation) override {
    if (asked_.contains(id.text)) return {};
    const Action action = TRY(action_of(operation));
    std::vector<std::string> words = {"begin",
                                      std::to_string(action.input.size()),
                                      id.text,
                                      to_string(caller.project),
                                      to_string(caller.lineage),
                                      std::to_string(caller.epoch.value),
                                      to_string(operation.uuid)};
    words.insert(words.end(), action.words.begin(), action.words.end());
    const Status begun = hostop(words, action.input, config_.answer_within);
    if (!begun.ok() && begun.error().code != Code::host_unreachable) return begun;
    // No answer is no refusal: it may have begun, or begin when the line is mended. The host tells,
    // or is told to forget it.
    asked_[id.text] = {OperationState::running, "", false};
    last_begun_ = clock_.now();
    if (!begun.ok()) doubtful_.insert(id.text);
    return {};
  }

  OperationResult result(const OperationId& id) override {
    auto known = asked_.find(id.text);
    if (known == asked_.end())
      known = asked_.insert({id.text, {OperationState::running, "", false}}).first;
    if (known->second.state == OperationState::running) ask();
    return known->second;
  }

  void poll() override { ask(); }

  Status put_claims(const Caller& caller, const std::vector<Claim>& claims) override {
    if (claims.empty()) return {};
    std::string lines;
    for (const Claim& claim : claims) {
      Claim kept = claim;
      kept.project = caller.project;
      kept.lineage = caller.lineage;
      kept.epoch = caller.epoch;
      lines += claim_file(kept.uuid, kept.device) + " " + claim_text(kept) + "\n";
    }
    return hostop({"claim", std::to_string(lines.size()), to_string(caller.project),
                   to_string(caller.lineage), std::to_string(caller.epoch.value)},
                  lines, config_.answer_within);
  }

  Status drop_claims(const Caller& caller, const Uuid& uuid,
                     const std::optional<std::string>& device) override {
    std::vector<std::string> words = {"unclaim", to_string(caller.project),
                                      to_string(caller.lineage), std::to_string(caller.epoch.value),
                                      to_string(uuid)};
    if (device) words.push_back(claim_file(uuid, *device));
    return hostop(words, "", config_.answer_within);
  }

 private:
  Result<ProcessEnd> call(std::vector<std::string> words, const std::string& input,
                          Duration within) {
    words.insert(words.begin(), config_.state);
    return shell_.run(hostop_, words, input, within);
  }

  Status hostop(const std::vector<std::string>& words, const std::string& input, Duration within) {
    const ProcessEnd end = TRY(call(words, input, within));
    if (end.code == 0) return {};
    // Whoever ran the script was killed; what it had begun may run.
    if (end.code > kSignals)
      return Error{Code::host_unreachable, "`" + words.at(0) + "` was cut short", ""};
    const std::string host = "the host `" + config_.host.text + "`";
    const std::string why = last_lines(end.errors);
    if (end.code == kFenced)
      return Error{Code::host_fenced, host + " refuses: " + why,
                   "another hv has taken over; `hv state rebuild` brings this store up to date"};
    if (end.code == kStillRunning)
      return Error{Code::host_unreachable,
                   host + " still runs what an older hv began, after " + to_human(kLongestWait),
                   ""};
    return Error{Code::operation_failed,
                 host + " did not take `" + words.at(0) + "` (exit " + std::to_string(end.code) +
                     ")" + (why.empty() ? "" : ": " + why),
                 ""};
  }

  Duration pause(Time now) const {
    if (!last_begun_ || now < *last_begun_) return kAskSoon;
    return std::clamp(milliseconds(since(*last_begun_, now).count / 8), kAskSoon, kAskLate);
  }

  // One question for everything in flight.
  void ask() {
    const Time now = clock_.now();
    if (last_asked_ && now >= *last_asked_ && since(*last_asked_, now) < pause(now)) return;
    std::vector<std::string> words = {"results"};
    for (const auto& [id, result] : asked_)
      if (result.state == OperationState::running) words.push_back(id);
    if (words.size() == 1) return;
    const Result<ProcessEnd> told = call(words, "", config_.answer_within);
    last_asked_ = clock_.now();
    if (!told.ok() || told->code != 0) return;  // nothing is known before it answers
    for (std::size_t at = told->output.find('\036'); at != std::string::npos;) {
      const std::size_t next = told->output.find('\036', at + 1);
      take(told->output.substr(at + 1, next == std::string::npos ? next : next - at - 1));
      at = next;
    }
  }

  // "ID running", "ID ended CODE" and its output, "ID died", "ID unknown"
  void take(const std::string& answer) {
    const std::size_t line_end = std::min(answer.find('\n'), answer.size());
    const std::string line = answer.substr(0, line_end);
    const std::size_t blank = line.find(' ');
    auto known = asked_.find(line.substr(0, blank));
    if (blank == std::string::npos || known == asked_.end()) return;
    const std::string word = line.substr(blank + 1);
    OperationResult& result = known->second;
    if (word == "running") {
      doubtful_.erase(known->first);
      return;
    }
    if (word == "unknown") {
      // It must not begin after we have given it up.
      if (doubtful_.contains(known->first) &&
          !hostop({"forget", known->first}, "", config_.answer_within).ok())
        return;
      if (doubtful_.erase(known->first) != 0) return;  // the next answer is final
      result.state = OperationState::unknown;
      return;
    }
    if (word == "died") {
      result.state = OperationState::unknown;
      result.message = "the host stopped working on it";
      return;
    }
    result.state = word == "ended 0" ? OperationState::succeeded : OperationState::failed;
    if (result.state == OperationState::succeeded) return;
    result.message = last_lines(answer.substr(line_end));
    if (word == "ended 92") result.message = "it never reached the host";
    if (word == "ended 90") result.message = "the host was taken over by another hv";
    if (result.message.empty()) result.message = "xl ended with " + word.substr(6);
    result.retryable = word == "ended 92";
  }

  Result<Action> action_of(const Operation& operation) const;

  static Error not_whole(const Operation& operation) {
    return {Code::operation_failed,
            "`" + std::string(to_string(operation.op)) + "` does not say all that it needs", ""};
  }

  const XlConfig config_;
  const Schema& schema_;
  Clock& clock_;
  HostShell shell_;
  const std::string hostop_ =
      std::string(script("vdisk.sh")) + "\n" + std::string(script("hostop.sh"));
  Capabilities capabilities_;
  std::map<std::string, OperationResult> asked_;
  std::set<std::string> doubtful_;  // begun without an answer
  std::optional<Time> last_asked_, last_begun_;
};

// xl takes a device's number where it takes its name, and xenstore knows nothing else.
Result<std::string> number_of(const Vbd& vbd) {
  const std::optional<uint64_t> number = number_of_device(vbd.device);
  if (number) return std::to_string(*number);
  return Error{Code::operation_failed, "`" + vbd.device + "` is no device of a Xen guest", ""};
}

// What xl takes for one set: "0-3,^2", "all".
Result<std::string> cpu_words(const Value& value) {
  if (value.is_unset()) return std::string("all");
  if (const auto* number = value.get<int64_t>()) return std::to_string(*number);
  const auto* text = value.get<std::string>();
  if (text == nullptr) return Error{Code::operation_failed, "a set of CPUs is no text", ""};
  if (text->find("node") != std::string::npos)
    return Error{Code::operation_failed,
                 "`" + *text + "` names nodes, which cannot be read back from a running domain",
                 "name the CPUs by number"};
  if (text->find_first_not_of("0123456789,-^ al") != std::string::npos)
    return Error{Code::operation_failed, "`" + *text + "` is no set of CPUs", ""};
  return text->find_first_not_of(' ') == std::string::npos ? std::string("all") : *text;
}

// "VCPU HARD SOFT" for each: a list has one for each virtual processor, those after it have all.
Status add_pins(const Attributes::Entry& entry, std::vector<std::string>& words) {
  const bool hard = entry.name == "cpus";
  const auto pin = [&](const std::string& vcpu, const std::string& set) {
    words.insert(words.end(), {vcpu, hard ? set : "-", hard ? "-" : set});
  };
  const auto* list = entry.value.get<List>();
  pin("all", list == nullptr ? TRY(cpu_words(entry.value)) : "all");
  if (list == nullptr) return {};
  for (std::size_t i = 0; i < list->size(); ++i) pin(std::to_string(i), TRY(cpu_words((*list)[i])));
  return {};
}

// Whether others may share what this disk writes or reads: then Xen's own check, which compares
// device numbers and permits no writer beside anybody, must not see them on one device.
bool may_be_shared(const Operation& operation, const Vbd& vbd) {
  if (vbd.mode == AccessMode::write_shared) return true;
  return std::any_of(operation.claims.begin(), operation.claims.end(), [&](const Claim& claim) {
    return claim.device == vbd.device && claim.permitted >= 1;
  });
}

// A virtual disk is to xl the device that its table made.
Status as_device(const Operation& operation, Vbd& vbd) {
  if (vbd.backend != "vd") return {};
  const std::optional<Uuid> vdisk = told_vdisk(operation, vbd.device);
  if (!vdisk)
    return Error{Code::operation_failed, "no virtual disk is known for `" + vbd.device + "`", ""};
  vbd.source = vdisk_path(*vdisk);
  vbd.backend = "phy";
  vbd.format = "raw";
  return {};
}

// A disk that may be shared gets a device of its own (hostop.sh): `vbd` becomes that device,
// `words` tell what is below it.
Status give_own_device(const Operation& operation, const std::string& state, Vbd& vbd,
                       std::vector<std::string>& words) {
  if (!may_be_shared(operation, vbd) || vbd.source.empty()) return {};
  const bool raw = vbd.format.empty() || vbd.format == "raw";
  const bool plain = vbd.backend.empty() || vbd.backend == "phy" || vbd.backend == "file";
  if (!raw || !plain || !vbd.script.empty())
    return Error{
        Code::operation_failed,
        "the disk `" + vbd.device + "` may be shared, and only raw files and devices can be",
        "without `sharing` and `w!` it is attached as it is"};
  words.insert(words.end(), {vbd.device, vbd.source, writes(vbd.mode) ? "w" : "r"});
  vbd.source = state + "/own/" + to_string(operation.uuid) + "." + vbd.device;
  vbd.backend = "phy";
  vbd.format = "raw";
  if (vbd.mode == AccessMode::write_shared) vbd.mode = AccessMode::write;
  return {};
}

bool starts_at_boot(const DomainSpec& spec) {
  const auto* yes = spec.attributes.get<bool>("autostart");
  return yes != nullptr && *yes;
}

// What is there when the host boots has no device of its own: nobody has made one then.
Status can_start_at_boot(const DomainSpec& spec, const std::vector<std::string>& own) {
  for (const Vbd& vbd : spec.vbds)
    if (vbd.backend == "vd")
      return Error{Code::operation_failed,
                   "a domain with a virtual disk (`" + vbd.device +
                       "`) cannot start at boot: the disk's table goes with the host, and hv makes "
                       "it again",
                   "without `autostart`; after a reboot `hv apply` starts it"};
  if (own.empty()) return {};
  return Error{Code::operation_failed,
               "a domain with a disk that may be shared (`" + own.front() +
                   "`) cannot start at boot: the disk gets a device of its own, which hv makes",
               "without `autostart`, or without `sharing` and `w!`"};
}

// How the file of a machine that starts at boot changes: "cap = 50", or "cap" where it is unset.
Result<std::string> changed_line(const Attributes::Entry& entry, const Schema& schema) {
  const Attribute* attribute = schema.find(Kind::domain, entry.name);
  if (attribute == nullptr || entry.value.is_unset()) return entry.name + "\n";
  return entry.name + " = " + TRY(attribute_text(entry.value, *attribute)) + "\n";
}

Result<Action> schedule_action(const Operation& operation, const std::string& state,
                               const Schema& schema) {
  std::string weight = "-", cap = "-", boot = "-", file, changes;
  std::vector<std::string> pins;
  for (const Attributes::Entry& entry : operation.settings) {
    if (entry.name != "autostart") changes += TRY(changed_line(entry, schema));
    if (entry.name == "cpus" || entry.name == "cpus_soft") {
      TRY(add_pins(entry, pins));
      continue;
    }
    if (entry.name == "autostart") {
      boot = entry.value == Value(true) ? "auto" : "off";
      if (boot == "off") continue;
      if (!operation.domain)
        return Error{Code::operation_failed, "what is to start at boot is not said", ""};
      std::vector<std::string> own;
      for (Vbd vbd : operation.domain->vbds) TRY(give_own_device(operation, state, vbd, own));
      TRY(can_start_at_boot(*operation.domain, own));
      file = TRY(domain_file(*operation.domain, operation.uuid, schema));
      continue;
    }
    if (entry.name != "cpu_weight" && entry.name != "cap")
      return Error{Code::operation_failed,
                   "this driver cannot change `" + entry.name + "` of a running domain", ""};
    const Value value = entry.value.is_unset()
                            ? schema.default_of(Kind::domain, entry.name, Attributes())
                            : entry.value;
    const auto* number = value.get<int64_t>();
    if (number == nullptr)
      return Error{Code::operation_failed, "`" + entry.name + "` is no number", ""};
    (entry.name == "cap" ? cap : weight) = std::to_string(*number);
  }
  Action action{{"schedule", weight, cap, boot}, boot == "-" ? changes : file};
  action.words.insert(action.words.end(), pins.begin(), pins.end());
  return action;
}

// hv reads the backends of dom0 alone: an interface that another domain serves would be attached
// again by every apply. A device model in a domain of its own has the machine's disks under a UUID
// that is nobody's.
Status served_by_dom0(const Vif& vif) {
  auto backend = vif.settings.find("backend");
  if (backend == vif.settings.end() || backend->second == "0" || backend->second == "Domain-0")
    return {};
  return Error{Code::operation_failed,
               "an interface that the domain `" + backend->second + "` serves cannot be read back",
               "without `backend`"};
}
Status is_one_machine(const DomainSpec& spec) {
  for (const Vif& vif : spec.vifs) TRY(served_by_dom0(vif));
  const auto* stub = spec.attributes.get<bool>("device_model_stubdomain_override");
  if (stub == nullptr || !*stub) return {};
  return Error{
      Code::operation_failed,
      "a device model in a domain of its own is to hv a second machine with the same disks",
      "without `device_model_stubdomain_override`"};
}

Result<Action> create_action(const Operation& operation, const std::string& state,
                             const Schema& schema) {
  DomainSpec spec = *operation.domain;
  std::vector<std::string> own;
  TRY(is_one_machine(spec));
  for (Vbd& vbd : spec.vbds) {
    TRY(as_device(operation, vbd));
    TRY(give_own_device(operation, state, vbd, own));
  }
  if (starts_at_boot(spec)) TRY(can_start_at_boot(*operation.domain, own));
  Action action{{"create", starts_at_boot(spec) ? "auto" : "-"}, ""};
  action.words.insert(action.words.end(), own.begin(), own.end());
  action.input = TRY(domain_file(spec, operation.uuid, schema));
  return action;
}

Result<Action> attach_action(const Operation& operation, const std::string& state) {
  Vbd vbd = *operation.vbd;
  std::vector<std::string> own;
  TRY(as_device(operation, vbd));
  TRY(give_own_device(operation, state, vbd, own));
  Action action{{"vbd-attach", TRY(number_of(vbd)), TRY(disk_string(vbd)), TRY(disk_item(vbd))},
                ""};
  action.words.insert(action.words.end(), own.begin(), own.end());
  return action;
}

Result<Action> with_input(std::vector<std::string> words, Result<std::string> input) {
  if (!input.ok()) return input.error();
  return Action{std::move(words), std::move(*input)};
}

// Whether new sectors of a virtual disk get zeroes before anybody reads them.
std::string scrub_word(const Operation& operation) {
  const bool never = operation.pool && operation.pool->scrub == Scrub::never;
  return never || operation.settings.contains("keep_data") ? "keep" : "scrub";
}

Result<Action> enlarge_action(const Operation& operation) {
  Sectors size;
  if (auto own = operation.extents.find(operation.vbd->device); own != operation.extents.end())
    for (const Extent& extent : own->second) size += extent.count;
  if (size.count <= 0)
    return Error{Code::operation_failed, "the new size of the disk is not said", ""};
  return Action{{"vbd-enlarge", TRY(number_of(*operation.vbd)), operation.vbd->device,
                 std::to_string(size.count)},
                ""};
}

Result<Action> XlDriver::action_of(const Operation& operation) const {
  switch (operation.op) {
    case Op::domain_create:
      if (!operation.domain) return not_whole(operation);
      return create_action(operation, config_.state, schema_);
    case Op::domain_unpause:
      return Action{{"unpause"}, ""};
    case Op::domain_pause:
      return Action{{"pause"}, ""};
    case Op::domain_shutdown:
      return Action{{"shutdown", std::to_string((operation.timeout.count + 999) / 1000)}, ""};
    case Op::domain_destroy:
      return Action{{"destroy"}, ""};
    case Op::domain_save:
      return Action{{"save"}, ""};
    case Op::domain_restore:
      return Action{{"restore"}, ""};
    case Op::domain_unrestore:
      return Action{{"unrestore"}, ""};
    case Op::domain_memory:
      if (!operation.memory || operation.memory->count % kKiB != 0) return not_whole(operation);
      return Action{{"memory", std::to_string(operation.memory->count / kKiB)}, ""};
    case Op::domain_vcpus:
      if (!operation.vcpus) return not_whole(operation);
      return Action{{"vcpus", std::to_string(*operation.vcpus)}, ""};
    case Op::domain_schedule:
      return schedule_action(operation, config_.state, schema_);
    case Op::domain_rename:
      if (operation.name.empty()) return not_whole(operation);
      return Action{{"rename", operation.name, TRY(quoted_text(operation.name))}, ""};
    case Op::vbd_attach:
      if (!operation.vbd) return not_whole(operation);
      return attach_action(operation, config_.state);
    case Op::vbd_detach:
      if (!operation.vbd) return not_whole(operation);
      return Action{{"vbd-detach", TRY(number_of(*operation.vbd)), operation.vbd->device}, ""};
    case Op::vif_attach: {
      if (!operation.vif) return not_whole(operation);
      TRY(served_by_dom0(*operation.vif));
      Action action{{"vif-attach", TRY(vif_item(*operation.vif))}, ""};
      for (std::string& word : TRY(vif_words(*operation.vif)))
        action.words.push_back(std::move(word));
      return action;
    }
    case Op::vif_detach: {
      const auto mac = operation.vif ? operation.vif->settings.find("mac")
                                     : std::map<std::string, std::string>::const_iterator();
      if (!operation.vif || mac == operation.vif->settings.end()) return not_whole(operation);
      return Action{{"vif-detach", mac->second}, ""};
    }
    case Op::vbd_enlarge:
      if (!operation.vbd) return not_whole(operation);
      return enlarge_action(operation);
    case Op::pool_initialise:
      if (!operation.pool) return not_whole(operation);
      if (operation.pool->scrub == Scrub::on_release)
        return Error{Code::operation_failed,
                     "a Xen host cannot scrub the pool `" + operation.address.name +
                         "` when sectors are given back",
                     "`scrub = \"on_allocate\"` scrubs them before somebody else gets them"};
      return with_input({"pool-initialise"}, pool_input(operation));
    case Op::vdisk_create:
      return with_input({"vdisk-create", scrub_word(operation)}, vdisk_input(operation));
    case Op::vdisk_enlarge:
      return with_input({"vdisk-enlarge", scrub_word(operation)}, vdisk_input(operation));
    case Op::vdisk_expire:
      return Action{{"vdisk-expire"}, ""};
    case Op::claim_put:
    case Op::claim_drop:
    case Op::domain_verify:
    case Op::domain_migrate:
    case Op::record_state:
      break;
  }
  return Error{Code::operation_failed,
               "a Xen host cannot `" + std::string(to_string(operation.op)) + "`", ""};
}

}  // namespace

std::unique_ptr<Driver> make_xl_driver(const XlConfig& config, const Schema& schema, Clock& clock) {
  return std::make_unique<XlDriver>(config, schema, clock);
}

}  // namespace hv
