#include "reconciler/diff.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "base/hash.h"
#include "hv/model/cpu_sets.h"
#include "hv/model/vif_rate.h"

namespace hv {
namespace {

Value vbd_value(const Vbd& vbd) {
  std::string text = vbd.backend == "vd" ? "vdisk." + vbd.source : vbd.source;
  if (!vbd.backend.empty() && vbd.backend != "vd") text = vbd.backend + ":" + text;
  if (text.empty()) text = "(empty)";
  return Value(text + " (" + std::string(to_string(vbd.mode)) + ")");
}

Value vif_value(const Vif& vif) {
  std::string text;
  for (const auto& [key, value] : vif.settings)
    text += (text.empty() ? "" : ",") + key + "=" + value;
  return Value(text.empty() ? std::string("defaults") : text);
}

// What a host tells of a VBD: where it comes from and how it is opened.
bool same_on_host(const Vbd& a, const Vbd& b) {
  return a.source == b.source && writes(a.mode) == writes(b.mode);
}

std::string mac_of(const Vif& vif) {
  auto mac = vif.settings.find("mac");
  return mac == vif.settings.end() ? "" : mac->second;
}

bool is_schedule(std::string_view name) {
  return name == "cpu_weight" || name == "cap" || name == "cpus" || name == "cpus_soft" ||
         name == "autostart";
}

class Differ {
 public:
  explicit Differ(const DiffInput& input) : in_(input) {}

  DomainDiff run() {
    diff_.want = in_.desired.state;
    diff_.have = in_.observed == nullptr ? PowerState::missing : in_.observed->state;
    if (in_.observed == nullptr && diff_.want == PowerState::halted)
      diff_.have = PowerState::halted;
    power();
    std::set<std::string> names;
    for (const auto& entry : in_.desired.attributes) names.insert(entry.name);
    for (const auto& entry : in_.applied.attributes) names.insert(entry.name);
    for (const std::string& name : names) attribute(name);
    name();
    if (in_.desired.uuid && in_.applied.uuid != in_.desired.uuid && in_.applied.uuid) {
      change("uuid", to_string(*in_.applied.uuid), to_string(*in_.desired.uuid), How::replace);
    }
    if (in_.desired.host != in_.applied.host)
      change("host", in_.applied.host.text, in_.desired.host.text, How::replace);
    if (in_.desired.sets_disk || in_.applied.sets_disk) vbds();
    if (in_.desired.sets_vif || in_.applied.sets_vif) vifs();
    if (in_.desired.sharing != in_.applied.sharing) {
      const auto shown = [](const std::optional<int>& level) {
        return level ? Value(*level) : Value();
      };
      change("sharing", shown(in_.applied.sharing), shown(in_.desired.sharing), How::bookkeeping);
    }
    if (!(in_.desired.lifecycle == in_.applied.lifecycle)) {
      diff_.bookkeeping = true;
      if (in_.desired.lifecycle.protect != in_.applied.lifecycle.protect)
        diff_.attributes.push_back({"lifecycle.protect", in_.applied.lifecycle.protect,
                                    in_.desired.lifecycle.protect, How::bookkeeping});
      else
        diff_.attributes.push_back({"lifecycle", "as before", "as declared", How::bookkeeping});
    }
    if (in_.desired.root != in_.applied.root) diff_.bookkeeping = true;
    return std::move(diff_);
  }

 private:
  bool ignored(const std::string& path) const {
    const auto& ignore = in_.desired.lifecycle.ignore;
    return std::find(ignore.begin(), ignore.end(), path) != ignore.end();
  }

  void drift(const std::string& path, Value applied, Value observed) {
    diff_.drift.push_back(
        {in_.desired.address, in_.desired.host, path, std::move(applied), std::move(observed)});
  }

  void power() {
    if (in_.observed == nullptr) {
      if (in_.applied.state != PowerState::halted)
        drift("state", std::string(to_string(in_.applied.state)), "missing");
      return;
    }
    // Somebody's hand has done already what the file now says.
    if (in_.applied.state != in_.desired.state && in_.observed->state == in_.desired.state)
      diff_.bookkeeping = true;
    if (in_.observed->state == in_.applied.state || in_.observed->never_ran) return;
    drift("state", std::string(to_string(in_.applied.state)), state_of(*in_.observed));
    if (!in_.heal && in_.applied.state == in_.desired.state) diff_.want = in_.observed->state;
  }

  // A hand may have given it another. One that is on its way out, or has not begun, is called what
  // its toolstack calls it for that while.
  void name() {
    const ObservedDomain* seen = in_.observed;
    const bool tells = seen != nullptr && !seen->dying && !seen->never_ran;
    const bool edited = in_.desired.name != in_.applied.name;
    const bool drifted = tells && seen->name != in_.applied.name;
    if (drifted && !ignored("name")) drift("name", in_.applied.name, seen->name);
    if (!edited && (!drifted || !in_.heal || ignored("name"))) return;
    if (edited && drifted && seen->name == in_.desired.name)
      return change("name", in_.applied.name, in_.desired.name, How::bookkeeping);
    diff_.attributes.push_back(
        {"name", drifted ? seen->name : in_.applied.name, in_.desired.name, How::live});
    diff_.rename = in_.desired.name;
  }

  void change(const std::string& path, Value before, Value after, How how) {
    diff_.attributes.push_back({path, std::move(before), std::move(after), how});
    switch (how) {
      case How::live:
        break;
      case How::restart:
        diff_.restart.push_back(path);
        break;
      case How::replace:
        diff_.replace.push_back(path);
        break;
      case How::bookkeeping:
        diff_.bookkeeping = true;
        break;
    }
  }

  // A host tells CPUs by number, however they were asked for.
  bool same(const std::string& name, const Value& a, const Value& b) const {
    if (name == "cpus" || name == "cpus_soft")
      return same_cpu_sets(a, b, in_.observed->vcpus_max, in_.cpus);
    return a == b;
  }

  // Nothing where what the host tells cannot be compared with what is asked for.
  std::optional<Value> seen_of(const std::string& name, const Attribute* schema,
                               const Value& target) const {
    if (in_.observed == nullptr || schema == nullptr || !schema->observed) return std::nullopt;
    std::optional<Value> seen = observed_value(*in_.observed, name);
    const bool tells = !seen || *seen == target || schema->type != AttributeType::cpu_list ||
                       cpu_sets(target, in_.observed->vcpus_max, in_.cpus);
    return tells ? seen : std::nullopt;
  }

  void attribute(const std::string& name) {
    const Attribute* schema = in_.schema.find(Kind::domain, name);
    const Value* desired = in_.desired.attributes.find(name);
    const Value* applied = in_.applied.attributes.find(name);
    const Value target = desired != nullptr
                             ? *desired
                             : in_.schema.default_of(Kind::domain, name, in_.desired.attributes);
    const bool edited = (desired == nullptr) != (applied == nullptr) ||
                        (desired != nullptr && !(*desired == *applied));
    const std::optional<Value> seen = seen_of(name, schema, target);
    const bool drifted = seen && applied != nullptr && !same(name, *seen, *applied);
    if (drifted && !ignored(name)) drift(name, *applied, *seen);
    if (!edited && (!drifted || !in_.heal || ignored(name))) return;
    // Somebody's hand has done already what the file now says: only the state has to learn it.
    const bool there = seen && same(name, *seen, target);
    How how = schema == nullptr ? How::restart : schema->how;
    if (in_.observed != nullptr && !there && how == How::live) {
      // A balloon has its maximum, set when the domain was built.
      if (name == "memory" && target.get<Bytes>() != nullptr &&
          *target.get<Bytes>() > in_.observed->memory_max)
        how = How::restart;
      if (name == "vcpus" && target.get<int64_t>() != nullptr &&
          *target.get<int64_t>() > in_.observed->vcpus_max)
        how = How::restart;
    }
    if (there || in_.observed == nullptr) {
      if (!edited) return;
      how = how == How::replace ? How::replace : How::bookkeeping;
    }
    Value before = seen ? *seen : applied != nullptr ? *applied : Value();
    if (there && applied != nullptr) before = *applied;
    if (how == How::live) {
      if (name == "memory" && target.get<Bytes>() != nullptr) {
        diff_.memory = *target.get<Bytes>();
      } else if (name == "vcpus" && target.get<int64_t>() != nullptr) {
        diff_.vcpus = *target.get<int64_t>();
      } else if (is_schedule(name)) {
        diff_.schedule.set(name, desired == nullptr ? Value() : *desired);
      } else {
        how = How::restart;  // nothing here can carry it out on a running domain
      }
    }
    change(name, std::move(before), desired != nullptr ? *desired : Value(), how);
  }

  void vbds() {
    std::map<std::string, const Vbd*> desired, applied;
    std::map<std::string, const ObservedVbd*> observed;
    for (const Vbd& vbd : in_.desired.vbds) desired[vbd.device] = &vbd;
    for (const Vbd& vbd : in_.applied.vbds) applied[vbd.device] = &vbd;
    std::set<std::string> devices;
    for (const auto& [device, vbd] : desired) devices.insert(device);
    for (const auto& [device, vbd] : applied) devices.insert(device);
    if (in_.observed != nullptr)
      for (const ObservedVbd& vbd : in_.observed->vbds) {
        observed[vbd.vbd.device] = &vbd;
        devices.insert(vbd.vbd.device);
      }
    for (const std::string& device : devices) {
      const Vbd* want = desired.contains(device) ? desired[device] : nullptr;
      const Vbd* last = applied.contains(device) ? applied[device] : nullptr;
      const bool edited = (want == nullptr) != (last == nullptr) ||
                          (want != nullptr && !same_settings(*want, *last));
      const std::string path = "disk[" + device + "]";
      if (in_.observed == nullptr) {
        if (edited) {
          diff_.attributes.push_back({path, last == nullptr ? Value() : vbd_value(*last),
                                      want == nullptr ? Value() : vbd_value(*want),
                                      How::bookkeeping});
          diff_.bookkeeping = true;
        }
        continue;
      }
      const ObservedVbd* seen = observed.contains(device) ? observed[device] : nullptr;
      const bool as_applied =
          (seen == nullptr) == (last == nullptr) &&
          (seen == nullptr || (same_on_host(seen->vbd, *last) && seen->connected));
      if (!as_applied && !ignored("disk"))
        drift(path, last == nullptr ? Value() : vbd_value(*last),
              seen == nullptr ? Value() : vbd_value(seen->vbd));
      if (!edited && (as_applied || !in_.heal || ignored("disk"))) continue;
      const bool there =
          (seen == nullptr) == (want == nullptr) &&
          (seen == nullptr || (same_on_host(seen->vbd, *want) && seen->connected && !edited));
      if (there) {
        if (edited) diff_.bookkeeping = true;
        continue;
      }
      VbdChange change;
      if (seen != nullptr) change.before = seen->vbd;
      if (want != nullptr) change.after = *want;
      change.is_drift = !edited;
      diff_.attributes.push_back({path, seen == nullptr ? Value() : vbd_value(seen->vbd),
                                  want == nullptr ? Value() : vbd_value(*want), How::live});
      diff_.vbds.push_back(std::move(change));
    }
  }

  void vifs() {
    std::map<std::string, const Vif*> desired, applied, observed;
    for (const Vif& vif : in_.desired.vifs) desired[mac_of(vif)] = &vif;
    for (const Vif& vif : in_.applied.vifs) applied[mac_of(vif)] = &vif;
    std::set<std::string> macs;
    for (const auto& [mac, vif] : desired) macs.insert(mac);
    for (const auto& [mac, vif] : applied) macs.insert(mac);
    if (in_.observed != nullptr)
      for (const Vif& vif : in_.observed->vifs) {
        observed[mac_of(vif)] = &vif;
        macs.insert(mac_of(vif));
      }
    for (const std::string& mac : macs) {
      const Vif* want = desired.contains(mac) ? desired[mac] : nullptr;
      const Vif* last = applied.contains(mac) ? applied[mac] : nullptr;
      const bool edited = (want == nullptr) != (last == nullptr) ||
                          (want != nullptr && !same_settings(*want, *last));
      const std::string path = "vif[" + mac + "]";
      if (in_.observed == nullptr) {
        if (edited) {
          diff_.attributes.push_back({path, last == nullptr ? Value() : vif_value(*last),
                                      want == nullptr ? Value() : vif_value(*want),
                                      How::bookkeeping});
          diff_.bookkeeping = true;
        }
        continue;
      }
      const Vif* seen = observed.contains(mac) ? observed[mac] : nullptr;
      const bool as_applied =
          (seen == nullptr) == (last == nullptr) && (seen == nullptr || satisfies(*seen, *last));
      if (!as_applied && !ignored("vif"))
        drift(path, last == nullptr ? Value() : vif_value(*last),
              seen == nullptr ? Value() : vif_value(*seen));
      if (!edited && (as_applied || !in_.heal || ignored("vif"))) continue;
      const bool there = (seen == nullptr) == (want == nullptr) &&
                         (seen == nullptr || (satisfies(*seen, *want) && !edited));
      if (there) {
        if (edited) diff_.bookkeeping = true;
        continue;
      }
      VifChange change;
      if (seen != nullptr) change.before = *seen;
      if (want != nullptr) change.after = *want;
      change.is_drift = !edited;
      diff_.attributes.push_back({path, seen == nullptr ? Value() : vif_value(*seen),
                                  want == nullptr ? Value() : vif_value(*want), How::live});
      diff_.vifs.push_back(std::move(change));
    }
  }

  const DiffInput& in_;
  DomainDiff diff_;
};

}  // namespace

bool satisfies(const Vif& have, const Vif& want) {
  return std::all_of(want.settings.begin(), want.settings.end(), [&](const auto& setting) {
    const auto& [key, value] = setting;
    auto it = have.settings.find(key);
    // A host tells the type only of machines that could have the other.
    if (it == have.settings.end()) return key == "type" && value == "vif";
    return same_vif_setting(key, it->second, value);
  });
}

DomainDiff diff_domain(const DiffInput& input) {
  return Differ(input).run();
}

std::string state_of(const ObservedDomain& domain) {
  return domain.crashed ? "crashed" : std::string(to_string(domain.state));
}

std::optional<Value> observed_value(const ObservedDomain& domain, std::string_view name) {
  if (name == "memory") return Value(domain.memory);
  if (name == "maxmem") return Value(domain.memory_max);
  if (name == "vcpus") return Value(domain.vcpus);
  if (name == "maxvcpus") return Value(domain.vcpus_max);
  const Value* value = domain.attributes.find(name);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

namespace {

// 00:16:3e is Xen's own prefix; the rest comes from the machine, so it stays.
std::string derived_mac(const Uuid& uuid, std::size_t index, int salt) {
  const std::string digest =
      sha1(to_string(uuid) + "/" + std::to_string(index) + "/" + std::to_string(salt));
  char text[18];
  std::snprintf(text, sizeof text, "00:16:3e:%02x:%02x:%02x",
                static_cast<unsigned>(digest[0]) & 0x7f,
                static_cast<unsigned>(static_cast<unsigned char>(digest[1])),
                static_cast<unsigned>(static_cast<unsigned char>(digest[2])));
  return text;
}

}  // namespace

// The one that is most alike keeps its address, wherever it stands in the list: the state has them
// in the order in which they came to be.
void settle_macs(DomainSpec& desired, const DomainSpec* applied, const Uuid& uuid) {
  std::set<std::string> taken;
  for (const Vif& vif : desired.vifs)
    if (!mac_of(vif).empty()) taken.insert(mac_of(vif));
  const auto take = [&](Vif& vif, const Vif& from) {
    const std::string mac = mac_of(from);
    if (mac.empty() || !taken.insert(mac).second) return false;
    vif.settings["mac"] = mac;
    return true;
  };
  const auto each_without = [&](auto settle) {
    for (std::size_t i = 0; i < desired.vifs.size(); ++i)
      if (mac_of(desired.vifs[i]).empty()) settle(i, desired.vifs[i]);
  };
  if (applied != nullptr) {
    for (const bool exactly : {true, false})
      each_without([&](std::size_t, Vif& vif) {
        for (const Vif& had : applied->vifs)
          if (satisfies(had, vif) && (!exactly || had.settings.size() == vif.settings.size() + 1) &&
              take(vif, had))
            return;
      });
    each_without([&](std::size_t i, Vif& vif) {
      if (i < applied->vifs.size()) take(vif, applied->vifs[i]);
    });
  }
  each_without([&](std::size_t i, Vif& vif) {
    std::string mac = derived_mac(uuid, i, 0);
    for (int salt = 1; !taken.insert(mac).second; ++salt) mac = derived_mac(uuid, i, salt);
    vif.settings["mac"] = mac;
  });
}

}  // namespace hv
