// hv lint: who may touch whose sectors, over what is declared and, with --live, what runs.
#include <unistd.h>

#include <algorithm>
#include <set>

#include "cli/baseline.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "hv/storage/storage.h"

namespace hv::cli {
namespace {

StorageContext context_of(const Session& session) {
  StorageContext context;
  context.unresolved_is_error = session.project.unresolved == UnresolvedPolicy::error;
  for (const auto& [address, vdisk] : session.applied.vdisks)
    if (!vdisk.expired) context.vdisks[address] = vdisk.extents;
  for (const auto& [address, domain] : session.applied.domains)
    context.names[{domain.spec.host, domain.spec.name}] = address;
  for (const auto& [store, statement] : session.project.stores)
    context.local_stores[normalise_name(store.text)] = statement.hosts;
  // A simulated disk has one name.
  for (const auto& [name, config] : session.project.hosts)
    if (config.driver == DriverKind::sim) context.exact_names.insert(name);
  context.map = session.storage;
  return context;
}

void add(std::vector<Access>& accesses, std::vector<Access> more) {
  accesses.insert(accesses.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

// What hosts themselves do, and whose machines run on them: as they are now with --live, else as
// their inventories saw it. `own` are ours that run, which come beside what is declared of them.
bool add_others(Session& session, const Options& options, const StorageContext& context,
                const std::vector<Access>& desired, std::vector<Access>& accesses,
                std::vector<Access>& own) {
  std::map<Uuid, Address> ours;
  for (const auto& [address, domain] : session.applied.domains) ours[domain.uuid] = address;
  for (const auto& [address, pool] : session.applied.pools) ours[pool.uuid] = address;
  if (options.live) {
    if (!session.open_drivers(false) || !session.observe()) return false;
    for (const auto& [name, host] : session.observation.hosts) {
      add(accesses, foreign_accesses(host, ours, context));
      add(own,
          own_accesses(host, session.applied, session.desired, session.project.sharing, context));
      if (host.reachable) continue;
      print_error("warning: host `" + name.text + "` cannot be read: " + host.reason +
                  "; what was last known of it counts, what else runs there is not seen\n");
      add(accesses, inventory_accesses(name, ours, context));
    }
    NamesInUse names;
    for (const std::vector<Access>* list :
         {&desired, &std::as_const(accesses), &std::as_const(own)})
      for (const Access& access : *list) names.add(access);
    for (const auto& [name, host] : session.observation.hosts)
      for (Access& access : host_accesses(name, context, &host)) {
        names.keep_met(access);
        if (!access.extents.empty()) accesses.push_back(std::move(access));
      }
    return true;
  }
  for (const Inventory& inventory : session.inventories) {
    add(accesses, host_accesses(inventory.host, context));
    // A machine that is declared by its name is ours, though no state knows it yet.
    for (const Resource& resource : session.desired.resources())
      if (const auto* domain = std::get_if<DomainSpec>(&resource))
        for (const LiveDomain& live : inventory.domains)
          if (domain->host == inventory.host && domain->name == live.name)
            ours[live.uuid] = domain->address;
    add(accesses, inventory_accesses(inventory.host, ours, context));
  }
  return true;
}

bool is_declared(const Session& session, const Access& access) {
  return std::any_of(session.desired.resources().begin(), session.desired.resources().end(),
                     [&](const Resource& resource) {
                       const auto* domain = std::get_if<DomainSpec>(&resource);
                       return domain != nullptr && party_of(domain->address) == access.party;
                     });
}

using Parties = std::set<std::pair<Party, std::string>>;
Parties parties_of(const Finding& finding) {
  Parties parties;
  for (const Access& access : finding.accesses) parties.insert({access.party, access.device});
  return parties;
}

// What is declared, beside everybody else's. A machine that is declared stands there as it shall
// be: the plan orders its way there. What runs now is looked at for itself, since it may be unsafe
// already.
std::vector<Finding> check(const Session& session, const std::vector<Access>& desired,
                           const std::vector<Access>& others, const std::vector<Access>& own,
                           const StorageContext& context, std::size_t& checked) {
  std::vector<Access> shall_be = desired, is = others;
  add(shall_be, others);
  for (const Access& access : own)
    if (!is_declared(session, access)) shall_be.push_back(access);
  checked = shall_be.size();
  std::vector<Finding> findings = check_sharing(shall_be, context);
  if (own.empty()) return findings;
  std::set<std::pair<Code, Parties>> told;
  for (const Finding& finding : findings) told.insert({finding.code, parties_of(finding)});
  add(is, own);
  for (Finding& finding : check_sharing(is, context))
    if (finding.severity == Severity::error &&
        told.insert({finding.code, parties_of(finding)}).second)
      findings.push_back(std::move(finding));
  return findings;
}

// A device of a pool is the pool's, and its disks are reached through it: until they are made
// nothing else tells that somebody has the device itself.
std::vector<Finding> check_pools(const Session& session, const std::vector<Access>& desired,
                                 const std::vector<Access>& others, const StorageContext& context) {
  std::vector<Access> accesses;
  std::set<Party> pools;
  for (const Resource& resource : session.desired.resources()) {
    const auto* pool = std::get_if<PoolSpec>(&resource);
    if (pool == nullptr) continue;
    for (const std::string& device : pool->devices) {
      Vbd whole;
      whole.source = device;
      whole.format = "raw";
      Resolved resolved = resolve(whole, pool->host, context);
      Access access;
      access.party = Party{to_string(pool->address)};
      access.host = pool->host;
      access.device = device;
      access.extents = std::move(resolved.extents);
      access.mode = AccessMode::write;
      access.path = std::move(resolved.path);
      access.place = pool->place;
      pools.insert(access.party);
      accesses.push_back(std::move(access));
    }
  }
  if (pools.empty()) return {};
  for (const std::vector<Access>* list : {&desired, &others})
    for (const Access& access : *list)
      if (access.path.empty() || !access.path.front().starts_with("vd:"))
        accesses.push_back(access);
  std::vector<Finding> findings = check_sharing(accesses, context);
  std::erase_if(findings, [&](const Finding& finding) {
    return finding.code == Code::compared_by_name || finding.accesses.size() < 2 ||
           (!pools.contains(finding.accesses[0].party) &&
            !pools.contains(finding.accesses[1].party));
  });
  for (Finding& finding : findings) {
    const bool first = pools.contains(finding.accesses[0].party);
    const Access &pool = finding.accesses[first ? 0 : 1], &other = finding.accesses[first ? 1 : 0];
    finding.message = other.party.text + (writes(other.mode) ? " would write" : " would read") +
                      " what " + pool.party.text + " cuts into virtual disks (level " +
                      std::to_string(finding.level.value_or(0)) + ", permitted 0)";
    finding.ways_out = {"give it a `vdisk` of the pool", "take the device out of the pool"};
  }
  return findings;
}

// By --baseline; false where the file cannot be used.
bool accept_known(Session& session, const Options& options, std::vector<Finding>& findings,
                  std::vector<FindingMark>& marks) {
  if (options.baseline.empty()) {
    for (const Finding& finding : findings) marks.push_back({id_of(finding), {}});
    return true;
  }
  Result<std::string> text = disk_files().read(options.baseline);
  if (!text.ok()) {
    Error error = text.error();
    error.help =
        R"(begin with {"format": "hv.baseline/1", "accepted": []}: each finding then says its id)";
    session.fail(error, options.baseline);
    return false;
  }
  Result<Baseline> baseline = read_baseline(*text);
  if (!baseline.ok()) {
    session.fail(baseline.error(), options.baseline);
    return false;
  }
  std::vector<std::string> unused;
  marks = accept(*baseline, findings, unused);
  for (const std::string& id : unused)
    if (!options.quiet)
      print_error("note: finding " + id +
                  " of the baseline is not there any more; drop its entry\n");
  return true;
}

// How many of the hosts could be looked at, where that is not all of them.
std::string hosts_read(const Session& session, const Options& options) {
  if (!options.live) return {};
  const auto& hosts = session.observation.hosts;
  const auto read = std::count_if(hosts.begin(), hosts.end(),
                                  [](const auto& each) { return each.second.reachable; });
  if (static_cast<std::size_t>(read) == hosts.size()) return {};
  return ", " + std::to_string(read) + " of " + std::to_string(hosts.size()) + " hosts read";
}

}  // namespace

int run_lint(const Options& options) {
  Session session(options);
  if (!session.load_project()) return kFailed;
  const bool ok = session.compile_sources();
  session.show_diagnostics();
  if (!ok || !session.open_reader() || !session.load_inventories()) return kFailed;
  const StorageContext context = context_of(session);
  std::vector<Access> accesses, others, own;
  for (const Resource& resource : session.desired.resources())
    if (const auto* domain = std::get_if<DomainSpec>(&resource)) {
      add(accesses, accesses_of(*domain, session.desired, session.project.sharing, context,
                                AccessOrigin::desired));
      add(accesses, accesses_beneath(*domain, context, AccessOrigin::desired));
    }
  if (!add_others(session, options, context, accesses, others, own)) return kFailed;
  std::size_t checked = 0;
  std::vector<Finding> findings = check(session, accesses, others, own, context, checked);
  for (Finding& finding : check_pools(session, accesses, others, context))
    findings.push_back(std::move(finding));
  for (Finding& finding : check_layers(session.desired, context))
    findings.push_back(std::move(finding));
  std::vector<FindingMark> marks;
  if (!accept_known(session, options, findings, marks)) return kFailed;
  const bool failed = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.severity == Severity::error;
  });
  if (options.format == "json") {
    print(findings_json(findings));
  } else if (options.format == "sarif") {
    print(findings_sarif(findings, marks));
  } else {
    print(findings_text(findings, session.style(STDOUT_FILENO), &session.sources));
    if (!options.quiet)
      for (const Inventory& inventory : session.inventories)
        print_error("inventory of " + inventory.host.text + ": gathered " +
                    to_human(inventory.taken) + "\n");
    if (!failed && !options.quiet)
      print(std::string(findings.empty() ? "" : "\n") + "ok: " + std::to_string(checked) +
            " accesses, none unsafe" + hosts_read(session, options) + "\n");
  }
  return failed ? kFailed : kDone;
}

}  // namespace hv::cli
