// The driver of a simulated host that is a process of its own.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "hv/drivers/sim/sim_frames.h"
#include "hv/drivers/sim/sim_socket.h"
#include "hv/model/codec.h"

namespace hv {
namespace {

using sim::Frame;

// The longest that a host takes for anything is to wait until what an older hv began has ended.
constexpr int kPatienceMs = 120'000;

class SimClient final : public Driver {
 public:
  SimClient(HostName host, std::string path, Clock& clock)
      : host_(std::move(host)), path_(std::move(path)), clock_(clock) {
    // What it can do is known when it answers; until then it is what a simulated host can do.
    capabilities_.simulated = true;
    for (const Op op : all_ops())
      if (op != Op::domain_migrate) capabilities_.operations.insert(op);
    for (const Op op : {Op::claim_put, Op::claim_drop, Op::domain_verify, Op::record_state})
      capabilities_.operations.erase(op);
    capabilities_.version = "simulated";
  }
  ~SimClient() override { hang_up(); }
  SimClient(const SimClient&) = delete;
  SimClient& operator=(const SimClient&) = delete;

  const Capabilities& capabilities() const override { return capabilities_; }

  HostObservation observe() override {
    Result<Frame> answer = ask({"observe", {}});
    Error why{Code::host_unreachable, {}, {}};
    if (answer.ok()) {
      Result<Observation> seen = decode<Observation>(answer->bytes);
      if (seen.ok() && seen->hosts.size() == 1) {
        HostObservation host = std::move(seen->hosts.begin()->second);
        host.host = host_;  // whatever it is called there
        return host;
      }
      why = {Code::host_unreachable, "it answers in no way that is known", {}};
    } else {
      why = answer.error();
    }
    HostObservation gone;
    gone.host = host_;
    gone.simulated = true;
    gone.at = clock_.now();
    gone.reason = why.message;
    return gone;
  }

  Status enter(const Caller& caller, bool take_over) override {
    return told({"enter " + sim::caller_words(caller) + (take_over ? " 1" : " 0"), {}});
  }

  Status begin(const OperationId& id, const Caller& caller, const Operation& operation) override {
    return told({"begin " + sim::caller_words(caller) + " " + id.text, encode(operation)});
  }

  OperationResult result(const OperationId& id) override {
    OperationResult result;
    Result<Frame> answer = ask({"result " + id.text, {}});
    result.state = OperationState::running;  // nothing is known before it answers
    if (!answer.ok()) return result;
    std::string_view words = answer->words;
    const std::string_view state = sim::take_word(words);
    result.state = state == "running"     ? OperationState::running
                   : state == "succeeded" ? OperationState::succeeded
                   : state == "failed"    ? OperationState::failed
                                          : OperationState::unknown;
    result.retryable = sim::take_word(words) == "1";
    result.message = std::move(answer->bytes);
    return result;
  }

  void poll() override {}  // it works off what is in flight by itself

  Status put_claims(const Caller& caller, const std::vector<Claim>& claims) override {
    Operation carrier;
    carrier.claims = claims;
    return told({"put " + sim::caller_words(caller), encode(carrier)});
  }

  Status drop_claims(const Caller& caller, const Uuid& uuid,
                     const std::optional<std::string>& device) override {
    return told(
        {"drop " + sim::caller_words(caller) + " " + to_string(uuid) + (device ? " 1" : " 0"),
         device.value_or("")});
  }

 private:
  void hang_up() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
    input_.clear();
  }

  Status told(const Frame& question) {
    Result<Frame> answer = ask(question);
    if (answer.ok()) return {};
    if (answer.error().code != Code::host_unreachable) return answer.error();
    return Error{Code::host_unreachable,
                 "the host `" + host_.text + "` does not answer: " + answer.error().message,
                 answer.error().help};
  }

  Result<Frame> ask(const Frame& question) {
    if (socket_ < 0) {
      socket_ = TRY(sim::connect_to(path_));
      Result<Frame> hello = exchange({"hello " + std::string(sim::kProtocol), {}});
      if (!hello.ok()) {
        hang_up();
        return hello.error();
      }
    }
    Result<Frame> answer = exchange(question);
    // What was asked before the line broke may have been heard; it is asked again by whoever needs
    // to know, not here.
    if (!answer.ok() && answer.error().code == Code::host_unreachable) hang_up();
    return answer;
  }

  Result<Frame> exchange(const Frame& question) {
    TRY(sim::send_all(socket_, sim::framed(question), kPatienceMs));
    for (;;) {
      Result<std::optional<Frame>> frame = sim::take_frame(input_);
      if (!frame.ok()) return Error{Code::host_unreachable, frame.error().message, {}};
      if (*frame) return sim::answer_of(std::move(**frame));
      pollfd ready{socket_, POLLIN, 0};
      const int polled = ::poll(&ready, 1, kPatienceMs);
      if (polled < 0 && errno == EINTR) continue;
      if (polled <= 0) return Error{Code::host_unreachable, "it does not answer in time", {}};
      std::array<char, 65536> some;
      const ssize_t got = ::recv(socket_, some.data(), some.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0)
        return Error{Code::host_unreachable,
                     got == 0 ? "it hung up" : std::string(std::strerror(errno)),
                     {}};
      input_.append(some.data(), static_cast<std::size_t>(got));
    }
  }

  HostName host_;
  std::string path_;
  Clock& clock_;
  Capabilities capabilities_;
  int socket_ = -1;
  std::string input_;
};

}  // namespace

std::unique_ptr<Driver> make_sim_client(const HostName& host, const std::string& path,
                                        Clock& clock) {
  return std::make_unique<SimClient>(host, path, clock);
}

}  // namespace hv
