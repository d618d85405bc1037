// A process of its own for the tests of state/: it holds the lock, or commits until it is killed.
//
//   state_actor hold FOLDER             prints "held", waits for the end of its input
//   state_actor hold-with-child FOLDER  likewise, and starts a `sleep` whose id it prints
//   state_actor commit FOLDER WEIGHT    commits for ever, printing each number once acknowledged
//   state_actor open FOLDER             as `nobody` if root: prints what each way in answers
#include <spawn.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "state/store.h"
#include "state/test_folder.h"

namespace hv {
namespace {

template <typename T>
std::string answer(const Result<T>& result) {
  return result.ok() ? "ok" : std::string(info(result.error().code).id);
}

int hold(const std::string& folder, bool with_child) {
  auto lock = lock_state(folder, seconds(0), system_clock());
  if (!lock.ok()) {
    std::printf("%s\n", answer(lock).c_str());
    return 1;
  }
  if (with_child) {
    pid_t child = 0;
    char program[] = "sleep", time[] = "60";
    char* const arguments[] = {program, time, nullptr};
    if (posix_spawnp(&child, program, nullptr, nullptr, arguments, environ) != 0) return 1;
    std::printf("%d\n", child);
  } else {
    std::printf("held\n");
  }
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

int commit(const std::string& folder, std::size_t weight) {
  auto lock = lock_state(folder, seconds(5), system_clock());
  if (!lock.ok()) return 1;
  auto store = open_store(folder, **lock, system_random(), system_clock());
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    return 1;
  }
  for (uint64_t number = (*store)->head().batch + 1;; ++number) {
    Status committed = (*store)->commit(testing::numbered_transition(number, weight));
    if (!committed.ok()) {
      std::fprintf(stderr, "%s\n", committed.error().message.c_str());
      return 1;
    }
    std::printf("%llu\n", static_cast<unsigned long long>(number));
    std::fflush(stdout);
  }
}

int open_as_nobody(const std::string& folder) {
  constexpr uid_t kNobody = 65534;
  if (geteuid() == 0 && setuid(kNobody) != 0) return 1;
  auto lock = lock_state(folder, seconds(0), system_clock());
  auto host = open_host_store(folder + "/sim/xen1", /*read_only=*/false);
  std::printf("%s %s %s %s\n", answer(lock).c_str(), answer(open_store_reader(folder)).c_str(),
              answer(verify_store(folder)).c_str(), answer(host).c_str());
  return 0;
}

int run(int count, char** arguments) {
  if (count < 3) return 64;
  const std::string what = arguments[1], folder = arguments[2];
  if (what == "hold") return hold(folder, false);
  if (what == "hold-with-child") return hold(folder, true);
  if (what == "commit" && count == 4)
    return commit(folder, std::strtoull(arguments[3], nullptr, 10));
  if (what == "open") return open_as_nobody(folder);
  return 64;
}

}  // namespace
}  // namespace hv

int main(int count, char** arguments) {
  return hv::run(count, arguments);
}
