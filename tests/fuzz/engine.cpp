// Running inputs in child processes, catching what fails, and shrinking it.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/check.h"
#include "base/hash.h"
#include "tests/fuzz/fuzz.h"

namespace hv::fuzz {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLargest = 1 << 20;
constexpr uint64_t kBatch = 1'000;  // inputs of one child
constexpr int kInputSeconds = 20;   // of the processor: sanitizers are slow
constexpr int kWaitSeconds = 600;   // by the clock, for what waits: a shared machine may be busy
constexpr int kComplained = 3;      // the child's exit code

// What the child was at when it ended, in memory that both see.
struct Shared {
  uint64_t runs;
  uint32_t size;
  char complaint[1024];
  char input[kLargest];
};

Shared* shared_memory() {
  void* at =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  HV_CHECK(at != MAP_FAILED, "no shared memory");
  return static_cast<Shared*>(at);
}

void set_alarms(int of_processor, int of_clock) {
  const itimerval processor{{0, 0}, {of_processor, 0}};
  const itimerval clock{{0, 0}, {of_clock, 0}};
  setitimer(ITIMER_PROF, &processor, nullptr);
  setitimer(ITIMER_REAL, &clock, nullptr);
}

// What this process and its ended children have used of the processor.
double processor_seconds() {
  double sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    getrusage(who, &used);
    for (const timeval& t : {used.ru_utime, used.ru_stime})
      sum += static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  }
  return sum;
}

// In the child: never returns where something is wrong.
void run_in_child(const Target& target, std::string_view input, Shared* shared) {
  shared->size = static_cast<uint32_t>(input.size());
  std::memcpy(shared->input, input.data(), input.size());
  set_alarms(kInputSeconds, kWaitSeconds);
  const std::string complaint = target.run(input);
  set_alarms(0, 0);
  ++shared->runs;
  if (complaint.empty()) return;
  const std::size_t size = std::min(complaint.size(), sizeof shared->complaint - 1);
  std::memcpy(shared->complaint, complaint.data(), size);
  shared->complaint[size] = '\0';
  _exit(kComplained);
}

// How a child ended: empty if well; else a word that tells kinds of failure apart.
std::string how_it_ended(int status, const Shared* shared) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (signal == SIGPROF) return "took more than " + std::to_string(kInputSeconds) + " s";
    if (signal == SIGALRM) return "waited more than " + std::to_string(kWaitSeconds) + " s";
    return std::string("died of ") + strsignal(signal);
  }
  const int code = WEXITSTATUS(status);
  if (code == 0) return "";
  if (code == kComplained) return shared->complaint;
  return "ended with code " + std::to_string(code) + " (a sanitizer's report)";
}

// Failures of one kind begin alike.
std::string kind_of(const std::string& failure) {
  return failure.substr(0, failure.find(':'));
}

template <typename Work>
std::string in_child(Shared* shared, bool quiet, Work work) {
  shared->complaint[0] = '\0';
  std::fflush(nullptr);
  const pid_t child = fork();
  HV_CHECK(child >= 0, "cannot fork");
  if (child == 0) {
    if (quiet) {
      const int nothing = open("/dev/null", O_WRONLY);
      dup2(nothing, 2);
    }
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return how_it_ended(status, shared);
}

// Pieces are taken out, the larger ones first, as long as it fails in the same way.
std::string shrink(const Target& target, std::string input, const std::string& failure,
                   Shared* shared) {
  const auto end = Clock::now() + std::chrono::seconds(30);
  const auto still_fails = [&](const std::string& candidate) {
    return kind_of(in_child(shared, true, [&] { run_in_child(target, candidate, shared); })) ==
           kind_of(failure);
  };
  for (std::size_t piece = std::max<std::size_t>(input.size() / 2, 1);; piece /= 2) {
    bool smaller = true;
    while (smaller && Clock::now() < end) {
      smaller = false;
      for (std::size_t at = 0; at < input.size() && Clock::now() < end;) {
        std::string candidate = input;
        candidate.erase(at, piece);
        if (still_fails(candidate)) {
          input = std::move(candidate);
          smaller = true;
        } else {
          at += piece;
        }
      }
    }
    if (piece == 1 || Clock::now() >= end) return input;
  }
}

std::string printable(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : text.substr(0, 2000)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n' || (byte >= 0x20 && byte < 0x7f))
      out += c;
    else
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

void report(const Target& target, const Options& options, const std::string& input,
            const std::string& failure, Shared* shared) {
  std::fprintf(stderr, "%s: %s\n%s: shrinking %zu bytes\n", target.name.c_str(), failure.c_str(),
               target.name.c_str(), input.size());
  const std::string small = shrink(target, input, failure, shared);
  const fs::path file =
      fs::absolute(fs::path(options.folder) /
                   ("fuzz-" + target.name + "-" + sha256_hex(small).substr(0, 8) + ".input"));
  std::ofstream(file, std::ios::binary) << small;
  std::fprintf(stderr, "---- the input, %zu bytes\n%s\n---- what it does\n", small.size(),
               printable(small).c_str());
  const std::string again = in_child(shared, false, [&] { run_in_child(target, small, shared); });
  std::fprintf(stderr, "%s\n---- again: %s %s --input %s\n", again.c_str(),
               fs::read_symlink("/proc/self/exe").c_str(), target.name.c_str(), file.c_str());
}

}  // namespace

bool run_once(const Target& target, std::string_view input) {
  const std::string complaint = target.run(input);
  if (!complaint.empty()) std::fprintf(stderr, "%s: %s\n", target.name.c_str(), complaint.c_str());
  return complaint.empty();
}

bool fuzz(const Target& target, const Options& options) {
  Shared* shared = shared_memory();
  const double begun = processor_seconds();
  double spent = 0;  // in the children that have ended
  uint64_t made = 0;
  const auto more = [&](double in_this_child) {
    return options.inputs == 0 ? spent + in_this_child < options.seconds : made < options.inputs;
  };
  // Every child makes its own run of inputs, so any of them can be had again from the seed.
  for (uint64_t batch = 0; batch == 0 || more(0); ++batch, made += kBatch) {
    const std::string failure = in_child(shared, true, [&] {
      SeededRandom random(options.seed * 1'000'003 + batch);
      if (batch == 0)
        for (const std::string& seed : target.seeds) run_in_child(target, seed, shared);
      for (uint64_t i = 0; i < kBatch && more(processor_seconds()); ++i, ++made) {
        const std::string& seed = target.seeds[random.below(target.seeds.size())];
        std::string input =
            target.edit ? target.edit(target, seed, random) : edit_text(target, seed, random);
        if (input.size() > kLargest) input.resize(kLargest);
        run_in_child(target, input, shared);
      }
    });
    spent = processor_seconds() - begun;
    if (failure.empty()) continue;
    report(target, options, std::string(shared->input, shared->size), failure, shared);
    munmap(shared, sizeof(Shared));
    return false;
  }
  std::printf("%s: %llu inputs, seed %llu, nothing failed\n", target.name.c_str(),
              static_cast<unsigned long long>(shared->runs),
              static_cast<unsigned long long>(options.seed));
  munmap(shared, sizeof(Shared));
  return true;
}

std::vector<std::string> texts_below(const std::string& folder, const std::string& suffix) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(HV_SOURCE_DIR) / folder))
    if (entry.is_regular_file() && entry.path().string().ends_with(suffix))
      paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts;
  for (const fs::path& path : paths) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    texts.push_back(text.str());
  }
  return texts;
}

}  // namespace hv::fuzz
