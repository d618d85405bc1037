// hv host: what is known of the hosts, and what an operator vouches for — that one is off, that it
// may not be any more, that a claim on it is dead.
#include <unistd.h>

#include <algorithm>
#include <set>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "hv/drivers/xl/process.h"

namespace hv::cli {
namespace {

constexpr Duration kFenceTime = seconds(120);

// A claim behind which there is neither a machine nor anything that could start one.
bool is_dead(const Claim& claim, const HostObservation& host) {
  return find_domain(host, claim.uuid) == nullptr &&
         std::none_of(host.latent.begin(), host.latent.end(),
                      [&](const LatentAccess& latent) { return latent.uuid == claim.uuid; });
}

std::string hosts_of(const Session& session) {
  std::string names;
  for (const auto& [name, config] : session.project.hosts)
    names += (names.empty() ? "`" : ", `") + name.text + "`";
  return names;
}

bool know_hosts(Session& session, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (!session.project.hosts.contains(HostName{name})) {
      session.fail(Error{Code::unknown_host, "there is no host `" + name + "` in this project",
                         "it has " + hosts_of(session)});
      return false;
    }
  return true;
}

OperatorWord word_of(WordKind kind, const HostName& host, Session& session,
                     const Options& options) {
  OperatorWord word;
  word.kind = kind;
  word.host = host;
  word.who = who();
  word.why = options.reason;
  word.at = session.clock.now();
  return word;
}

bool say(Session& session, std::vector<OperatorWord> words) {
  Transition transition;
  transition.words = std::move(words);
  Status written = session.store->commit(transition);
  if (!written.ok()) session.fail(written.error());
  return written.ok();
}

bool can_ask(Session& session, const Options& options) {
  if (options.yes || is_terminal(STDIN_FILENO)) return true;
  session.fail(Error{Code::wrong_usage, "nobody is there to ask: standard input is no terminal",
                     "be sure of it, then add --yes"});
  return false;
}

bool agreed(const Options& options, const std::string& question) {
  if (options.yes || confirm(question)) return true;
  print_error("Nothing was changed.\n");
  return false;
}

// False, and told, where the host answers: what it runs can be read then.
bool is_silent(Session& session, const HostName& name, const char* after) {
  const HostObservation seen = session.drivers.at(name)->observe();
  if (!seen.reachable) return true;
  session.fail(Error{Code::plan_refused,
                     "the host `" + name.text + "` answers" + after + ": what it runs is read",
                     "`hv status` shows what runs there, and `hv stop` stops it"});
  return false;
}

// The fence command of hv.toml, if there is one; true where it succeeded.
bool run_fence_command(Session& session, const HostName& name) {
  const HostConfig& config = session.project.hosts.at(name);
  if (config.fence.empty()) return true;
  Result<ProcessEnd> end = run_process(config.fence, "", kFenceTime);
  std::string why;
  if (!end.ok()) {
    why = end.error().message;
  } else if (end->timed_out) {
    why = "it did not end within " + to_human(kFenceTime);
  } else if (end->code != 0) {
    const std::string said = end->errors.empty() ? end->output : end->errors;
    why = "exit " + std::to_string(end->code) + (said.empty() ? "" : ": " + said);
    while (why.ends_with('\n')) why.pop_back();
  }
  if (why.empty()) return true;
  session.fail(Error{Code::operation_failed,
                     "the fence command of `" + name.text + "` failed: " + why,
                     "nothing was recorded; what the host held is held"});
  return false;
}

std::string machines_on(const Session& session, const HostName& name) {
  std::string machines;
  for (const auto& [address, domain] : session.applied.domains)
    if (domain.spec.host == name) machines += (machines.empty() ? "" : ", ") + to_string(address);
  return machines;
}

}  // namespace

int run_host_list(const Options& options) {
  Session session(options);
  if (!session.load_project() || !session.open_reader() || !session.open_drivers(false))
    return kFailed;
  std::optional<Observation> before;
  if (session.reader) {
    Result<std::optional<Observation>> last = session.reader->last_observation();
    if (last.ok()) before = std::move(*last);
  }
  if (!session.observe()) return kFailed;
  std::vector<HostRow> rows;
  bool all_read = true;
  const Uuid ours = project_uuid(session.project, session.head);
  for (const auto& [name, config] : session.project.hosts) {
    HostRow row;
    row.host = name;
    row.driver = std::string(to_string(config.driver));
    row.simulated = config.driver == DriverKind::sim;
    if (auto fence = session.fenced.find(name); fence != session.fenced.end())
      row.fenced = fence->second;
    const HostObservation* host = session.observation.find(name);
    row.reachable = host != nullptr && host->reachable;
    if (row.reachable) row.hypervisor = session.drivers.at(name)->capabilities().version;
    if (row.reachable) {
      for (const Claim& claim : host->claims)
        if (claim.project != ours && is_dead(claim, *host)) row.dead_claims.push_back(claim);
    } else {
      all_read = false;
      row.reason = host == nullptr ? "not asked" : host->reason;
      host = before ? before->find(name) : nullptr;
    }
    if (host != nullptr && host->reachable) {
      row.read_at = host->at;
      row.memory_free = host->memory_free;
      row.memory_total = host->memory_total;
      row.cpus = host->cpus;
      row.machines = host->domains.size();
      for (const ProjectMemory& project : host->projects)
        if (project.project == ours) row.epoch = project.epoch;
    }
    rows.push_back(std::move(row));
  }
  print(options.format == "json" ? hosts_json(rows) : hosts_text(rows));
  return all_read ? kDone : kFailed;
}

int run_host_fence(const Options& options) {
  Session session(options);
  if (!session.load_project() || !know_hosts(session, options.paths)) return kFailed;
  if (!can_ask(session, options)) return kUsage;
  if (!session.lock() || !session.open_store() || !session.open_drivers(false)) return kFailed;
  std::set<HostName> hosts;
  for (const std::string& name : options.paths) {
    if (auto fence = session.fenced.find(HostName{name}); fence != session.fenced.end())
      print(name + " is fenced already, on the word of " + fence->second.who + "\n");
    else
      hosts.insert(HostName{name});
  }
  for (const HostName& host : hosts)
    if (!is_silent(session, host, "")) return kFailed;
  if (hosts.empty()) return kDone;
  for (const HostName& host : hosts) {
    const std::string machines = machines_on(session, host);
    print(host.text + " does not answer. Fenced, it holds nothing any more" +
          (machines.empty() ? "" : ", and what ran there may be made elsewhere: " + machines) +
          ".\n");
  }
  if (!agreed(options, "Is it off, and does it stay off?")) return kFailed;
  for (const HostName& host : hosts) {
    if (!run_fence_command(session, host) || !is_silent(session, host, " after all"))
      return kFailed;
    if (!say(session, {word_of(WordKind::fenced, host, session, options)})) return kFailed;
    print(host.text + " is fenced, on the word of " + who() + "\n");
  }
  return kDone;
}

int run_host_unfence(const Options& options) {
  Session session(options);
  if (!session.load_project() || !know_hosts(session, options.paths)) return kFailed;
  if (!session.lock() || !session.open_store()) return kFailed;
  for (const std::string& name : options.paths) {
    if (!session.fenced.contains(HostName{name})) {
      print(name + " is not fenced\n");
      continue;
    }
    if (!say(session, {word_of(WordKind::unfenced, HostName{name}, session, options)}))
      return kFailed;
    session.fenced.erase(HostName{name});
    print(name + " is no longer fenced: until it answers it holds all that it had\n");
  }
  return kDone;
}

namespace {

// The project that `text` names: its UUID or the beginning of it, among those with claims.
std::optional<Uuid> project_of(Session& session, const HostObservation& host,
                               const std::string& text) {
  std::set<Uuid> found;
  for (const Claim& claim : host.claims)
    if (text.size() >= 4 && to_string(claim.project).starts_with(text)) found.insert(claim.project);
  if (found.size() == 1) return *found.begin();
  session.fail(Error{
      Code::plan_refused,
      found.empty()
          ? "on `" + host.host.text + "` there is no claim of a project `" + text + "`"
          : "the claims of several projects on `" + host.host.text + "` begin with `" + text + "`",
      "`hv host list` shows the dead claims with their projects"});
  return std::nullopt;
}

// Those of `project` that are dead; nothing, and told, where one of its claims is not.
std::vector<Claim> dead_claims(Session& session, const HostObservation& host, const Uuid& project) {
  std::vector<Claim> dead;
  for (const Claim& claim : host.claims) {
    if (claim.project != project) continue;
    if (is_dead(claim, host)) {
      dead.push_back(claim);
      continue;
    }
    session.fail(Error{Code::plan_refused,
                       "the claim of " + to_string(claim.address) + " " + claim.device + " on `" +
                           host.host.text + "` is not dead: its machine is there",
                       "stop that machine first; its own project does it best"});
    return {};
  }
  return dead;
}

// As that project's own next hv would: whatever an older one began has ended before, and a claim
// that is alive after all stays.
bool drop_claims_of(Session& session, const HostName& name, const Uuid& project) {
  Driver& driver = *session.drivers.at(name);
  const HostObservation seen = driver.observe();
  Caller caller;
  for (const Claim& claim : seen.claims)
    if (claim.project == project) caller = {project, claim.lineage, claim.epoch, Serial{}};
  for (const ProjectMemory& memory : seen.projects)
    if (memory.project == project)
      caller = {project, memory.lineage, Epoch{memory.epoch.value + 1}, memory.serial};
  Status entered = driver.enter(caller, false);
  if (!entered.ok()) {
    session.fail(entered.error());
    return false;
  }
  const HostObservation now = driver.observe();
  for (const Claim& claim : dead_claims(session, now, project)) {
    Status dropped = driver.drop_claims(caller, claim.uuid, claim.device);
    if (!dropped.ok()) {
      session.fail(dropped.error());
      return false;
    }
    print("removed the claim of " + to_string(claim.address) + " " + claim.device + "\n");
  }
  return !session.diagnostics.has_errors();
}

}  // namespace

int run_host_unclaim(const Options& options) {
  Session session(options);
  if (!session.load_project() || !know_hosts(session, {options.claim_host})) return kFailed;
  if (!can_ask(session, options)) return kUsage;
  if (!session.lock() || !session.open_store() || !session.open_drivers(true)) return kFailed;
  const HostName name{options.claim_host};
  const HostObservation host = session.drivers.at(name)->observe();
  if (!host.reachable) {
    session.fail(Error{Code::host_unreachable,
                       "the host `" + name.text + "` does not answer: " + host.reason,
                       "a claim lies on its host, and is read there"});
    return kFailed;
  }
  const std::optional<Uuid> project = project_of(session, host, options.claim_project);
  if (!project) return kFailed;
  if (*project == project_uuid(session.project, session.head)) {
    session.fail(Error{Code::plan_refused, "these claims are this project's own",
                       "`hv apply` drops those that nothing stands behind"});
    return kFailed;
  }
  const std::vector<Claim> dead = dead_claims(session, host, *project);
  if (dead.empty()) return kFailed;
  for (const Claim& claim : dead)
    print("project " + to_string(claim.project) + " claims for " + to_string(claim.address) + " " +
          claim.device + "; no machine of UUID " + to_string(claim.uuid) + " is on " + name.text +
          "\n");
  if (!agreed(options, "Is nothing of that project at work on it?")) return kFailed;
  OperatorWord word = word_of(WordKind::unclaimed, name, session, options);
  word.project = *project;
  if (!say(session, {word})) return kFailed;
  return drop_claims_of(session, name, *project) ? kDone : kFailed;
}

}  // namespace hv::cli
