// Records as the state keeps them, and saved plans.
#include "hv/model/codec.h"
#include "report/report.h"
#include "tests/fuzz/fuzz.h"

namespace hv::fuzz {

namespace {

// The message inside what encode() made.
template <typename T>
std::string message_of(const T& value) {
  std::string bytes = encode(value);
  const std::size_t frame = sealed("").size();
  bytes.resize(bytes.size() - frame);
  return bytes;
}

template <typename T>
std::string there_and_back(std::string_view message) {
  const Result<T> value = decode<T>(sealed(std::string(message)));
  // The bytes as they are too: most often the check sum refuses them.
  (void)decode<T>(message);
  if (!value.ok()) return value.error().message.empty() ? "an error without words" : "";
  const std::string once = encode(*value);
  const Result<T> again = decode<T>(once);
  if (!again.ok()) return "what encode() wrote cannot be read: " + again.error().message;
  return encode(*again) == once ? "" : "encode() writes another record the second time";
}

std::string run_records(std::string_view input) {
  // The first byte says of which kind.
  if (input.empty()) return "";
  const std::string_view message = input.substr(1);
  switch (static_cast<unsigned char>(input.front()) % 12) {
    case 0:
      return there_and_back<AppliedDomain>(message);
    case 1:
      return there_and_back<AppliedPool>(message);
    case 2:
      return there_and_back<AppliedVdisk>(message);
    case 3:
      return there_and_back<NetworkSpec>(message);
    case 4:
      return there_and_back<Operation>(message);
    case 5:
      return there_and_back<Intent>(message);
    case 6:
      return there_and_back<Outcome>(message);
    case 7:
      return there_and_back<PlanRecord>(message);
    case 8:
      return there_and_back<ObservedDomain>(message);
    case 9:
      return there_and_back<Claim>(message);
    case 10:
      return there_and_back<Observation>(message);
    default:
      return there_and_back<Plan>(message);
  }
}

std::string edit_record(const Target& target, std::string_view seed, Random& random) {
  const char kind = random.below(4) == 0 ? static_cast<char>(random.below(12)) : seed.front();
  return kind + edit_message(target, seed.substr(1), random);
}

// A plan that can be read back, from any message that is one.
std::string run_plan_of_record(std::string_view message) {
  const Result<Plan> plan = decode<Plan>(sealed(std::string(message)));
  if (!plan.ok()) return "";
  plan_text(*plan, {});
  const std::string text = plan_json(*plan, true);
  if (!looks_like_plan(text)) return "a saved plan that does not look like one";
  const Result<Plan> again = read_plan(text);
  if (!again.ok()) return "a saved plan that cannot be read: " + again.error().message;
  return encode(*again) == encode(*plan) ? "" : "a saved plan that is another when read";
}

std::string run_plan_file(std::string_view text) {
  looks_like_plan(text);
  const Result<Plan> plan = read_plan(text);
  if (!plan.ok()) return plan.error().message.empty() ? "an error without words" : "";
  const Result<Plan> again = read_plan(plan_json(*plan, true));
  if (!again.ok()) return "a plan file that cannot be written again: " + again.error().message;
  return encode(*again) == encode(*plan) ? "" : "a plan file that is another when written again";
}

Plan some_plan() {
  Plan plan;
  plan.steps.resize(2);
  return plan;
}

}  // namespace

std::vector<Target> record_targets() {
  Target records{"records",  "records of the state, there and back", run_records, {}, {},
                 edit_record};
  for (char kind = 0; kind < 12; ++kind) records.seeds.emplace_back(1, kind);
  records.seeds.push_back('\x0b' + message_of(some_plan()));
  Target saved{"saved",     "plans of any record, saved and read", run_plan_of_record, {}, {},
               edit_message};
  saved.seeds = {message_of(Plan{}), message_of(some_plan())};
  Target file{"planfile", "plan files with mistakes", run_plan_file, {}, {}, {}};
  file.seeds = {plan_json(Plan{}, true), plan_json(some_plan(), true), plan_json(Plan{}, false)};
  file.words = {"\"format\"", "\"hv.plan/1\"",
                "\"record\"", "\"\"",
                "null",       "{",
                "}",          "[",
                "]",          ":",
                ",",          "0",
                "-1",         "1e999",
                "\"steps\"",  "true",
                "\"00\"",     "\xff",
                "\"\\ud800\""};
  return {std::move(records), std::move(saved), std::move(file)};
}

}  // namespace hv::fuzz
