// The server of a simulated host: one loop over its socket and those who ask.
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <list>
#include <utility>

#include "hv/drivers/sim/sim_frames.h"
#include "hv/drivers/sim/sim_socket.h"
#include "hv/model/codec.h"

namespace hv {
namespace {

using sim::Frame;

constexpr int kAnswerLimitMs = 10'000;  // for one who asks and does not listen
constexpr int kLookForStopMs = 200;

struct Asker {
  int socket = -1;
  std::string input;
  std::optional<Frame> question;  // heard, and not answered yet
  Time due;
  bool greeted = false;
};

class Server {
 public:
  Server(SimDriver& host, const SimServing& serving, Clock& clock, Random& random)
      : host_(host), serving_(serving), clock_(clock), random_(random) {}
  ~Server() {
    for (Asker& each : askers_) ::close(each.socket);
    if (listener_ < 0) return;
    ::close(listener_);
    ::unlink(serving_.path.c_str());
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Status listen() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string& path = serving_.path;
    if (path.empty() || path.size() >= sizeof address.sun_path)
      return refused("a socket cannot have this path: it has at most " +
                     std::to_string(sizeof address.sun_path - 1) + " octets");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    struct stat about {};
    if (::lstat(path.c_str(), &about) == 0) {
      if (!S_ISSOCK(about.st_mode)) return refused("there is something else already");
      Result<int> other = sim::connect_to(path);
      if (other.ok()) {
        ::close(*other);
        return refused("another process listens there");
      }
      ::unlink(path.c_str());  // of one that was killed
    }
    const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) return refused(std::strerror(errno));
    const mode_t mask = ::umask(0177);
    const bool bound =
        ::bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    const int why = errno;
    ::umask(mask);
    if (!bound || ::listen(made, 64) != 0) {
      const std::string words = std::strerror(bound ? errno : why);
      ::close(made);
      return refused(words);
    }
    listener_ = made;
    return {};
  }

  void serve(const std::function<bool()>& stop) {
    while (!stop()) {
      wait();
      answer_due();
      askers_.remove_if([](const Asker& each) { return each.socket < 0; });
      host_.poll();
    }
  }

 private:
  Error refused(const std::string& why) const {
    return {Code::wrong_usage, "cannot listen at `" + serving_.path + "`: " + why, {}};
  }

  void hang_up(Asker& asker) {
    ::close(asker.socket);
    asker.socket = -1;
  }

  void wait() {
    std::vector<pollfd> ready = {{listener_, POLLIN, 0}};
    Duration pause = milliseconds(kLookForStopMs);
    for (Asker& each : askers_) {
      ready.push_back({each.socket, POLLIN, 0});
      if (each.question) pause = std::min(pause, std::max(since(clock_.now(), each.due), {}));
    }
    if (::poll(ready.data(), ready.size(), static_cast<int>(pause.count)) <= 0) return;
    std::size_t i = 1;
    for (Asker& each : askers_)
      if (ready[i++].revents != 0) hear(each);
    if (ready[0].revents != 0) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket >= 0) askers_.emplace_back().socket = socket;
    }
  }

  void hear(Asker& asker) {
    std::array<char, 65536> some;
    const ssize_t got = ::recv(asker.socket, some.data(), some.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) return hang_up(asker);
    asker.input.append(some.data(), static_cast<std::size_t>(got));
    Result<std::optional<Frame>> frame = sim::take_frame(asker.input);
    // One question at a time; who does not keep to that is no hv.
    if (!frame.ok() || (*frame && asker.question)) return hang_up(asker);
    if (!*frame) return;
    asker.question = std::move(**frame);
    asker.due = clock_.now();
    if (serving_.latency.count > 0 && asker.greeted)
      asker.due = asker.due + Duration{{static_cast<int64_t>(
                                  random_.below(static_cast<uint64_t>(serving_.latency.count)))}};
  }

  // In the order of their times, so that whoever waited longer is heard first.
  void answer_due() {
    for (;;) {
      Asker* first = nullptr;
      for (Asker& each : askers_)
        if (each.socket >= 0 && each.question && each.due <= clock_.now() &&
            (first == nullptr || each.due < first->due))
          first = &each;
      if (first == nullptr) return;
      const Frame question = *std::exchange(first->question, std::nullopt);
      const Frame answer = answer_to(*first, question);
      if (!sim::send_all(first->socket, sim::framed(answer), kAnswerLimitMs).ok() ||
          !first->greeted)
        hang_up(*first);
    }
  }

  static Frame frame_of(const Status& status) {
    return status.ok() ? Frame{"ok", {}} : sim::error_frame(status.error());
  }

  Frame answer_to(Asker& asker, const Frame& question) {
    std::string_view words = question.words;
    const std::string_view asked = sim::take_word(words);
    if (!asker.greeted) {
      asker.greeted = asked == "hello" && words == sim::kProtocol;
      if (asker.greeted) return {"ok", {}};
      return sim::error_frame({Code::host_unreachable,
                               "it speaks " + std::string(sim::kProtocol) + " and nothing else",
                               {}});
    }
    if (asked == "observe") {
      Observation seen;
      HostObservation host = host_.observe();
      const HostName name = host.host;
      seen.hosts[name] = std::move(host);
      return {"ok", encode(seen)};
    }
    if (asked == "result") {
      const OperationResult result = host_.result(OperationId{std::string(words)});
      static constexpr std::array<const char*, 4> kStates = {"running", "succeeded", "failed",
                                                             "unknown"};
      return {std::string("ok ") + kStates[static_cast<std::size_t>(result.state)] +
                  (result.retryable ? " 1" : " 0"),
              result.message};
    }
    const std::optional<Caller> caller = sim::take_caller(words);
    if (!caller) return not_understood();
    if (asked == "enter") return frame_of(host_.enter(*caller, words == "1"));
    if (asked == "drop") {
      const std::optional<Uuid> uuid = parse_uuid(sim::take_word(words));
      if (!uuid) return not_understood();
      return frame_of(host_.drop_claims(
          *caller, *uuid, words == "1" ? std::optional(question.bytes) : std::nullopt));
    }
    Result<Operation> operation = decode<Operation>(question.bytes);
    if (!operation.ok()) return not_understood();
    if (asked == "put") return frame_of(host_.put_claims(*caller, operation->claims));
    if (asked == "begin")
      return frame_of(host_.begin(OperationId{std::string(words)}, *caller, *operation));
    return not_understood();
  }

  static Frame not_understood() {
    return sim::error_frame({Code::operation_failed, "the question is not understood", {}});
  }

  SimDriver& host_;
  const SimServing& serving_;
  Clock& clock_;
  Random& random_;
  int listener_ = -1;
  std::list<Asker> askers_;
};

}  // namespace

Status serve_sim(SimDriver& host, const SimServing& serving, Clock& clock, Random& random,
                 const std::function<bool()>& stop) {
  Server server(host, serving, clock, random);
  TRY(server.listen());
  serving.listening();
  server.serve(stop);
  return {};
}

}  // namespace hv
