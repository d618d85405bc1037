// Runs the benchmarks, then prints the ratios and the peak of memory.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cstdio>
#include <map>
#include <vector>

#include "bench/bench.h"

namespace hv::bench {
namespace {

struct Asked {
  std::string what, of, over;
  double aim = 0;
};
std::vector<Asked>& asked() {
  static std::vector<Asked> all;
  return all;
}

class Remembering : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (!run.error_occurred && run.run_type == Run::RT_Iteration)
        seconds_[run.benchmark_name()] =
            run.cpu_accumulated_time / static_cast<double>(run.iterations);
    ConsoleReporter::ReportRuns(runs);
  }
  void print_ratios() const {
    for (const Asked& one : asked()) {
      const auto of = seconds_.find(one.of), over = seconds_.find(one.over);
      if (of == seconds_.end() || over == seconds_.end() || over->second <= 0) continue;
      std::printf("%-60s %8.2f  (aim: at most %g)\n", one.what.c_str(), of->second / over->second,
                  one.aim);
    }
  }

 private:
  std::map<std::string, double> seconds_;
};

}  // namespace

Ratio::Ratio(std::string what, std::string of, std::string over, double aim) {
  asked().push_back({std::move(what), std::move(of), std::move(over), aim});
}

}  // namespace hv::bench

int main(int count, char** words) {
  benchmark::Initialize(&count, words);
  if (benchmark::ReportUnrecognizedArguments(count, words)) return 64;
  hv::bench::Remembering reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  std::printf("\n");
  reporter.print_ratios();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("peak memory of all together: %ld MiB\n", usage.ru_maxrss / 1024);
}
