// A simulated host over a socket: the same answers as without one, a host that is gone, and what no
// hv would say.
#include "hv/drivers/sim/sim_socket.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "hv/drivers/sim/sim_frames.h"
#include "hv/drivers/sim/test_host.h"

namespace hv {
namespace {

using sim::Frame;
using testing::machine;
using testing::uuid_of;

TEST(SimFrames, ComeWholeOrNotAtAll) {
  std::string input;
  const std::string whole =
      sim::framed({"begin a b", std::string("x\0\n", 3)}) + sim::framed({"", ""});
  int frames = 0;
  for (const char octet : whole) {
    input += octet;
    auto frame = sim::take_frame(input);
    ASSERT_TRUE(frame.ok());
    if (!*frame) continue;
    if (++frames == 1) {
      EXPECT_EQ((*frame)->words, "begin a b");
      EXPECT_EQ((*frame)->bytes, std::string("x\0\n", 3));
    }
  }
  EXPECT_EQ(frames, 2);
  EXPECT_EQ(input, "");
  input = std::string("\xff\xff\xff\xff", 4);
  EXPECT_FALSE(sim::take_frame(input).ok());
  input = std::string("\0\0\0\3abc", 7);
  EXPECT_FALSE(sim::take_frame(input).ok()) << "no line";
}

TEST(SimFrames, AnswersAreErrorsOrNot) {
  const Error refused{Code::host_fenced, "a newer hv\nworks on it", "run it again"};
  const auto answer = sim::answer_of(sim::error_frame(refused));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, Code::host_fenced);
  EXPECT_EQ(answer.error().message, refused.message);
  EXPECT_EQ(answer.error().help, refused.help);
  EXPECT_EQ(sim::answer_of({"ok running 0", "b"})->words, "running 0");
  for (const char* words : {"", "no", "error", "error HV9999"})
    EXPECT_FALSE(sim::answer_of({words, std::string("a\0b", 3)}).ok()) << words;
}

// The server is a process of its own, as it is for hv.
class SimSocket : public ::testing::Test {
 protected:
  SimSocket() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hvsocket.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/lab.sock";
    caller_ = {uuid_of("project"), uuid_of("lineage"), Epoch{1}, Serial{1}};
  }
  ~SimSocket() override {
    stop();
    std::filesystem::remove_all(folder_);
  }

  void serve() {
    std::array<int, 2> ready{};
    ASSERT_EQ(pipe(ready.data()), 0);
    server_ = fork();
    ASSERT_GE(server_, 0);
    if (server_ == 0) {
      testing::TableStore store;
      SimConfig config;
      config.host = HostName{"lab"};
      config.speed_percent = 1;
      auto host = make_sim_driver(config, store, Schema::builtin(), system_clock());
      SimServing serving;
      serving.path = path_;
      serving.latency = milliseconds(5);
      serving.listening = [&] { (void)!write(ready[1], "x", 1); };
      SeededRandom random(4);
      const Status served =
          serve_sim(**host, serving, system_clock(), random, [] { return false; });
      _exit(served.ok() ? 0 : 1);
    }
    close(ready[1]);
    char octet = 0;
    EXPECT_EQ(read(ready[0], &octet, 1), 1) << "it does not listen";
    close(ready[0]);
  }
  void stop() {
    if (server_ <= 0) return;
    kill(server_, SIGKILL);
    waitpid(server_, nullptr, 0);
    server_ = -1;
  }
  std::unique_ptr<Driver> client() {
    return make_sim_client(HostName{"there"}, path_, system_clock());
  }
  // What a line that is no hv's gets: everything until it is hung up.
  std::string raw(const std::string& octets) {
    auto socket = sim::connect_to(path_);
    if (!socket.ok()) return socket.error().message;
    (void)sim::send_all(*socket, octets, 1000).ok();
    shutdown(*socket, SHUT_WR);
    std::string all;
    std::array<char, 4096> some;
    for (ssize_t got; (got = recv(*socket, some.data(), some.size(), 0)) > 0;)
      all.append(some.data(), static_cast<std::size_t>(got));
    close(*socket);
    return all;
  }

  std::string folder_, path_;
  pid_t server_ = -1;
  Caller caller_;
};

TEST_F(SimSocket, IsAHostLikeAnyOther) {
  serve();
  auto host = client(), other = client();
  EXPECT_TRUE(host->capabilities().simulated);
  Operation create;
  create.op = Op::domain_create;
  create.uuid = uuid_of("web");
  create.domain = machine("web", mib(64), {"xvda phy:/dev/web w"});
  Status refused = host->begin(OperationId{"p-1-1"}, caller_, create);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::host_fenced) << "it does not know this project";
  ASSERT_TRUE(host->enter(caller_, false).ok());
  Claim claim;
  claim.uuid = create.uuid;
  claim.address = create.domain->address;
  claim.device = "xvda";
  claim.extents = {{StoreId{"name:web"}, sectors(0), sectors(8)}};
  ASSERT_TRUE(host->put_claims(caller_, {claim}).ok());
  EXPECT_EQ(other->observe().claims.size(), 1u) << "told to all";
  ASSERT_TRUE(host->begin(OperationId{"p-1-1"}, caller_, create).ok());
  for (int i = 0; i < 500; ++i) {
    if (host->result(OperationId{"p-1-1"}).state != OperationState::running) break;
    usleep(10'000);
  }
  EXPECT_EQ(host->result(OperationId{"p-1-1"}).state, OperationState::succeeded);
  EXPECT_EQ(host->result(OperationId{"none"}).state, OperationState::unknown);
  HostObservation seen = other->observe();
  ASSERT_TRUE(seen.reachable);
  EXPECT_EQ(seen.host.text, "there");
  ASSERT_EQ(seen.domains.size(), 1u);
  EXPECT_TRUE(seen.domains[0].never_ran);
  ASSERT_TRUE(host->drop_claims(caller_, create.uuid, "xvda").ok());
  EXPECT_TRUE(host->observe().claims.empty());
  Caller older = caller_;
  older.epoch = Epoch{0};
  EXPECT_EQ(host->enter(older, false).error().code, Code::host_fenced);
}

TEST_F(SimSocket, IsGoneAndComesBack) {
  auto host = client();
  EXPECT_FALSE(host->observe().reachable);
  EXPECT_NE(host->observe().reason.find("nobody answers at"), std::string::npos);
  serve();
  EXPECT_TRUE(host->observe().reachable);
  // A second server has no place there, and the path of one that was killed is taken.
  testing::TestHost second;
  SimServing serving;
  serving.path = path_;
  SeededRandom random(1);
  const auto at_once = [] { return true; };
  Status taken = serve_sim(second.driver(), serving, system_clock(), random, at_once);
  ASSERT_FALSE(taken.ok());
  EXPECT_NE(taken.error().message.find("another process listens there"), std::string::npos);
  stop();
  EXPECT_FALSE(host->observe().reachable);
  EXPECT_EQ(host->enter(caller_, false).error().code, Code::host_unreachable);
  EXPECT_EQ(host->result(OperationId{"p-1-1"}).state, OperationState::running)
      << "nothing is known of it";
  serve();
  EXPECT_TRUE(host->observe().reachable);
  serving.path = folder_ + "/" + std::string(120, 'x');
  EXPECT_FALSE(serve_sim(second.driver(), serving, system_clock(), random, at_once).ok());
  EXPECT_FALSE(make_sim_client(HostName{"a"}, serving.path, system_clock())->observe().reachable);
  serving.path = folder_;
  EXPECT_FALSE(serve_sim(second.driver(), serving, system_clock(), random, at_once).ok());
}

TEST_F(SimSocket, DoesNotFallOverWhatNoHvSays) {
  serve();
  const std::string hello = sim::framed({"hello hv.sim/1", ""});
  EXPECT_NE(raw(sim::framed({"hello hv.sim/2", ""})).find("error"), std::string::npos);
  EXPECT_EQ(raw("\xff\xff\xff\xff"), "");
  EXPECT_EQ(raw(std::string(3, '\0')), "");
  for (const char* words : {"", "what", "begin", "begin a b c d", "enter x y 1 1 0", "drop", "put"})
    (void)raw(hello + sim::framed({words, "rubbish"}));
  EXPECT_TRUE(client()->observe().reachable);
}

}  // namespace
}  // namespace hv
