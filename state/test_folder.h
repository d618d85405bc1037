// For the tests of state/: a folder that goes away, and values to store.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "state/store.h"

namespace hv::testing {

class TempFolder {
 public:
  TempFolder() {
    // In memory where there is such a place: these tests sync thousands of times.
    const bool memory = access("/dev/shm", W_OK | X_OK) == 0;
    const std::filesystem::path parent =
        memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
    std::string pattern = (parent / "hv-state-").string() + std::string(6, 'X');
    HV_CHECK(mkdtemp(pattern.data()) != nullptr, "no folder for the test");
    path_ = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  std::string path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}
inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline Address domain_address(int number) {
  return {Kind::domain, "web" + std::to_string(number)};
}

inline AppliedDomain domain(int number, uint32_t generation = 1) {
  AppliedDomain domain;
  domain.spec.address = domain_address(number);
  domain.spec.name = domain.spec.address.name;
  domain.spec.host = HostName{"xen1"};
  domain.spec.attributes.set("memory", mib(512));
  domain.spec.place = {"fleet.vm", static_cast<uint32_t>(number + 1), 1};
  domain.generation = generation;
  return domain;
}

inline Intent intent(const std::string& plan, uint64_t step, int64_t begun = 1000) {
  Intent intent;
  intent.id = OperationId{plan + "-" + std::to_string(step) + "-1"};
  intent.plan = PlanId{plan};
  intent.step = StepId{step};
  intent.begun = Time{{begun}};
  intent.operation.op = Op::domain_create;
  intent.operation.address = domain_address(static_cast<int>(step));
  return intent;
}

inline Outcome outcome(const std::string& plan, uint64_t step) {
  return {OperationId{plan + "-" + std::to_string(step) + "-1"}, OutcomeKind::succeeded, "", {}};
}

// What the actor writes as transition `number` (from 1): a reader can tell from each record
// whether it belongs to the same moment as the others.
inline Transition numbered_transition(uint64_t number, std::size_t weight) {
  Transition transition;
  const int slot = static_cast<int>(number % 10);
  transition.put_domains.push_back(domain(slot, static_cast<uint32_t>(number)));
  transition.intents.push_back(intent("p", number, static_cast<int64_t>(number)));
  if (number > 1) transition.outcomes.push_back(outcome("p", number - 1));
  Observation observation;
  observation.at = Time{{static_cast<int64_t>(number)}};
  HostObservation& host = observation.hosts[HostName{"xen1"}];
  SeededRandom random(number);
  for (std::size_t i = 0; i < weight; ++i) host.reason += static_cast<char>(random.next());
  transition.observed = observation;
  return transition;
}

}  // namespace hv::testing
