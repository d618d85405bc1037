// The plan as people read it: the worst first, each line what, from, to, how.
#include <algorithm>
#include <set>

#include "report/report.h"
#include "report/words.h"

namespace hv {
namespace {

struct Line {
  char mark;
  std::string address;
  std::string word;
  std::vector<std::string> details;  // the first on the line itself
};

char mark_of(Action action) {
  switch (action) {
    case Action::destroy:
      return '-';
    case Action::restart:
    case Action::replace:
      return '!';
    case Action::update:
      return '~';
    case Action::create:
      return '+';
    case Action::adopt:
      return '=';
    case Action::move:
      return '>';
    case Action::forget:
      return '.';
  }
  return '?';
}

std::string word_of(const Change& change) {
  if (change.action == Action::update) {
    if (change.deferred) return "deferred";
    const bool live = std::any_of(change.attributes.begin(), change.attributes.end(),
                                  [](const AttributeChange& a) { return a.how == How::live; });
    return live ? "live" : "record";
  }
  return std::string(to_string(change.action));
}

const Operation* creating(const Plan& plan, const Address& address) {
  for (const Step& step : plan.steps)
    if (step.operation.address == address &&
        (step.operation.op == Op::domain_create || step.operation.op == Op::vdisk_create ||
         step.operation.op == Op::pool_initialise || step.operation.op == Op::record_state))
      return &step.operation;
  return nullptr;
}

std::string amount(const Attributes& attributes, const char* name, const std::string& fallback) {
  const Value* value = attributes.find(name);
  return value == nullptr ? fallback : to_human(*value);
}

std::string creation(const Plan& plan, const Change& change) {
  const Operation* operation = creating(plan, change.address);
  if (operation == nullptr) return change.why;
  if (operation->domain) {
    const DomainSpec& domain = *operation->domain;
    const auto vcpus = domain.attributes.get<int64_t>("vcpus");
    std::string text =
        plural(vcpus == nullptr ? 1 : static_cast<std::size_t>(*vcpus), "vcpu", "vcpus");
    text += ", " + amount(domain.attributes, "memory", "default memory");
    if (!domain.vbds.empty()) text += ", " + plural(domain.vbds.size(), "disk", "disks");
    if (!domain.vifs.empty()) text += ", " + plural(domain.vifs.size(), "interface", "interfaces");
    return text;
  }
  if (operation->vdisk)
    return to_human(operation->vdisk->size) + " in " + operation->vdisk->pool.name;
  if (operation->pool) {
    std::string devices;
    for (const std::string& device : operation->pool->devices)
      devices += (devices.empty() ? "" : ", ") + device;
    return devices + ", extents of " + to_human(operation->pool->extent);
  }
  if (operation->network) return "bridge " + operation->network->bridge;
  return change.why;
}

std::string shown(const AttributeChange& change, const Paint& paint) {
  const bool device = change.path.starts_with("disk[") || change.path.starts_with("vif[");
  if (device) {
    const std::size_t open = change.path.find('[');
    const std::string kind = change.path.starts_with("disk[") ? "vbd " : "vif ";
    const std::string key = change.path.substr(open + 1, change.path.size() - open - 2);
    if (change.before.is_unset())
      return paint.green("+") + " " + kind + key + "  " + to_human(change.after);
    if (change.after.is_unset())
      return paint.red("-") + " " + kind + key + "  " + to_human(change.before);
    return "~ " + kind + key + "  " + to_human(change.before) + " → " + to_human(change.after);
  }
  if (change.after.is_unset()) return change.path + "  " + to_human(change.before) + " → default";
  if (change.before.is_unset()) return change.path + "  → " + to_human(change.after);
  return change.path + "  " + to_human(change.before) + " → " + to_human(change.after);
}

Line line_of(const Plan& plan, const Change& change, const Paint& paint) {
  Line line{mark_of(change.action), to_string(change.address), word_of(change), {}};
  switch (change.action) {
    case Action::create:
      line.details.push_back(creation(plan, change));
      break;
    case Action::destroy:
    case Action::adopt:
    case Action::move:
    case Action::forget:
      line.details.push_back(change.why);
      break;
    case Action::update:
    case Action::restart:
    case Action::replace:
      break;
  }
  for (const AttributeChange& attribute : change.attributes) {
    if (change.action == Action::create || change.action == Action::destroy) break;
    std::string text = shown(attribute, paint);
    if (attribute.how == How::restart && change.deferred)
      text += paint.dim("  waits for a restart");
    line.details.push_back(std::move(text));
  }
  if (line.details.empty()) line.details.push_back(change.why);
  return line;
}

std::string painted(char mark, const std::string& text, const Paint& paint) {
  switch (mark) {
    case '-':
      return paint.red(text);
    case '!':
      return paint.yellow(text);
    case '+':
      return paint.green(text);
    default:
      return text;
  }
}

std::string hosts_of(const Plan& plan) {
  std::string text;
  bool all_simulated = !plan.observation.hosts.empty();
  for (const auto& [name, host] : plan.observation.hosts) {
    text += (text.empty() ? "" : ", ") + name.text;
    all_simulated = all_simulated && host.simulated;
  }
  if (plan.observation.hosts.size() > 3)
    text = std::to_string(plan.observation.hosts.size()) + " hosts";
  if (all_simulated) return text + " (simulated)";
  for (const auto& [name, host] : plan.observation.hosts)
    if (host.simulated) return text + " (partly simulated)";
  return text;
}

void add_count(std::string& text, int n, const char* what) {
  if (n == 0) return;
  text += (text.empty() ? "" : ", ") + std::to_string(n) + " " + what;
}

std::string clock_of(Time time) {
  const std::string text = to_human(time);
  return text.size() >= 16 ? text.substr(11, 5) : text;
}

std::string sharing_line(const Plan& plan) {
  const Proof& proof = plan.proof;
  std::string text = "Sharing: ";
  if (!proof.sharing_proved) {
    text += "not proved";
  } else {
    text += "level " + std::to_string(proof.highest_level) + " in every intermediate state — ";
    text += proof.unresolved_names == 0
                ? "proved for this plan"
                : "proved, except " + plural(proof.unresolved_names, "name", "names") +
                      " compared only as written";
  }
  text += ", " + std::to_string(proof.hosts_read) + " of " +
          plural(proof.hosts_total, "host", "hosts") + " read at " + clock_of(plan.observation.at);
  for (const Proof::Peak& peak : proof.peaks) {
    if (peak.resource != "memory") continue;
    text += "\nMemory on " + peak.host.text + ": at most " + to_human(bytes(peak.amount)) + " of " +
            to_human(bytes(peak.capacity));
  }
  return text + "\n";
}

std::string closing(const Plan& plan, const std::map<HostName, int>& parallel) {
  const PlanSummary summary = summarise(plan);
  std::string counts;
  add_count(counts, summary.destroy, "to destroy");
  add_count(counts, summary.replace, "to replace");
  add_count(counts, summary.restart, "to restart");
  add_count(counts, summary.update, "to change");
  add_count(counts, summary.create, "to create");
  add_count(counts, summary.adopt, "to adopt");
  add_count(counts, summary.move, "to move");
  add_count(counts, summary.forget, "to forget");
  if (counts.empty()) counts = "nothing to change";
  std::string text = counts + " · " + plural(plan.steps.size(), "step", "steps");
  if (!plan.steps.empty()) text += ", about " + to_human(expected_duration(plan, parallel));
  std::string gone, restarted;
  for (const Change& change : plan.changes) {
    if (change.address.kind != Kind::domain || change.deferred) continue;
    std::string* into = change.downtime == Downtime::gone      ? &gone
                        : change.downtime == Downtime::restart ? &restarted
                                                               : nullptr;
    if (into != nullptr) *into += (into->empty() ? "" : ", ") + change.address.name;
  }
  if (gone.empty() && restarted.empty()) {
    text += " · downtime: none";
  } else {
    text += " · downtime:";
    if (!gone.empty()) text += " " + gone + " gone";
    if (!gone.empty() && !restarted.empty()) text += ",";
    if (!restarted.empty()) text += " " + restarted + " restarted";
  }
  return text + "\n";
}

}  // namespace

std::string plan_text(const Plan& plan, Style style, const SourceMap* sources,
                      const std::map<HostName, int>& parallel) {
  const Paint paint{style.color};
  std::string out;
  const bool quiet = plan.changes.empty() && plan.steps.empty() && plan.refusals.empty();
  if (quiet) {
    out += "Nothing to do: " + plan.project + " on " + hosts_of(plan) + " is as declared (serial " +
           std::to_string(plan.serial.value) + ").\n";
  } else {
    out += paint.bold("Plan for " + plan.project + " on " + hosts_of(plan)) + ", state serial " +
           std::to_string(plan.serial.value) + "\n\n";
  }
  std::vector<Line> lines;
  std::size_t address_width = 0, word_width = 0;
  for (const Change& change : plan.changes) {
    lines.push_back(line_of(plan, change, paint));
    address_width = std::max(address_width, columns(lines.back().address));
    word_width = std::max(word_width, columns(lines.back().word));
  }
  for (const Line& line : lines) {
    out += "  " + painted(line.mark, std::string(1, line.mark), paint) + " " +
           painted(line.mark, padded(line.address, address_width), paint) + "  " +
           padded(line.word, word_width) + "  " + line.details.front() + "\n";
    for (std::size_t i = 1; i < line.details.size(); ++i)
      out += std::string(4 + address_width + 2 + word_width + 2, ' ') + line.details[i] + "\n";
  }
  if (!plan.changes.empty()) out += "\n";
  if (!plan.drift.empty()) {
    out += "Drift, not as the last apply left it:\n";
    for (const DriftItem& item : plan.drift)
      out += "  " + to_string(item.address) + "  " + item.path + "  " + to_human(item.applied) +
             " → " + to_human(item.observed) + "\n";
    out += "\n";
  }
  for (const std::string& leftover : plan.leftovers) out += paint.dim(leftover) + "\n";
  for (const std::string& note : plan.notes) out += paint.dim("note: " + note) + "\n";
  const std::string findings = findings_text(plan.findings, style, sources);
  if (!findings.empty()) out += findings + "\n";
  if (!quiet) {
    out += closing(plan, parallel);
    if (plan.applicable) out += sharing_line(plan);
  }
  if (!plan.applicable) {
    out += "\n" + paint.red("This plan is refused:") + "\n";
    for (const Error& refusal : plan.refusals) {
      out += "  " + std::string(info(refusal.code).id) + ": " + refusal.message + "\n";
      if (!refusal.help.empty()) out += "          " + refusal.help + "\n";
    }
  }
  return out;
}

}  // namespace hv
