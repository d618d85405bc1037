#include "lsp/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "base/check.h"
#include "lsp/lsp_test_support.h"

namespace hv::lsp {
namespace {

struct Pipe {
  Pipe() { HV_CHECK(::pipe2(ends, O_CLOEXEC) == 0, "no pipe"); }
  ~Pipe() {
    close(0);
    close(1);
  }
  void close(int end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  void write(const std::string& text) const {
    HV_CHECK(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()),
             "a pipe takes no more");
  }
  int ends[2];
};

// What is read of `input`, given in pieces of so many bytes: bodies, and "!" where one was none.
std::vector<std::string> read_in_pieces(const std::string& input, std::size_t piece) {
  Pipe pipe;
  Channel channel(pipe.ends[0], -1);
  std::vector<std::string> got;
  const auto take = [&] {
    while (std::optional<Channel::Incoming> each = channel.next())
      got.push_back(each->malformed ? "!" : each->body);
  };
  for (std::size_t at = 0; at < input.size(); at += piece) {
    pipe.write(input.substr(at, piece));
    take();
  }
  pipe.close(1);
  EXPECT_FALSE(channel.wait());
  take();
  return got;
}

TEST(Channel, CutsMessagesOutOfAnyPieces) {
  struct Case {
    std::string input;
    std::vector<std::string> got;
  };
  const std::string junk(20'000, 'x');
  const Case cases[] = {
      {"", {}},
      {framed("{}") + framed("") + framed("[1]\r\n\r\n"), {"{}", "", "[1]\r\n\r\n"}},
      {"content-length:2\n\n{}", {"{}"}},
      {"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nCONTENT-LENGTH:\t2 \r\n\r\n{}",
       {"{}"}},
      {"Content-Length: 2\r\nContent-Type: x\r\n\r\n{}" + framed("1"), {"{}", "1"}},
      {"Content-Length: 9\r\n\r\n{}", {}},  // the input ends within it
      {"no header at all\r\n\r\n" + framed("{}"), {"!", "{}"}},
      {"Content-Length: x\r\n\r\n" + framed("{}"), {"!", "{}"}},
      {"Content-Length: -1\r\n\r\n" + framed("{}"), {"!", "{}"}},
      {"Content-Length: 2 3\r\n\r\n" + framed("{}"), {"!", "{}"}},
      {"Content-Length: 99999999999999999999999999\r\n\r\n" + framed("{}"), {"!", "{}"}},
      {"X: 1\r\n\r\n" + framed("{}"), {"!", "{}"}},
      {"\r\n\r\n\r\n\r\n" + framed("{}"), {"!", "{}"}},
      {"junk\r\n" + framed("{}"), {"!", "{}"}},
      {junk + framed("{}"), {"!", "{}"}},
      {junk + "\r\n\r\n" + framed("{}") + junk + framed("[]"), {"!", "{}", "!", "[]"}},
      {"Content-Length: 99999999\r\n\r\n" + std::string(99'999'999 % 70'000, ' '), {"!"}},
  };
  for (const Case& each : cases)
    for (const std::size_t piece : {1, 7, 4096, 60'000}) {
      if (each.input.size() / piece > 3000) continue;
      EXPECT_EQ(read_in_pieces(each.input, piece), each.got)
          << each.input.substr(0, 80) << " in pieces of " << piece;
    }
}

TEST(Channel, SkipsABodyThatIsTooLargeAndGoesOn) {
  Pipe pipe;
  std::thread writer([&] {
    const std::size_t size = 65u << 20;
    pipe.write("Content-Length: " + std::to_string(size) + "\r\n\r\n");
    const std::string chunk(1 << 20, ' ');
    for (int i = 0; i < 65; ++i) pipe.write(chunk);
    pipe.write(framed("{}"));
    pipe.close(1);
  });
  Channel channel(pipe.ends[0], -1);
  std::vector<std::string> got;
  while (channel.wait())
    while (std::optional<Channel::Incoming> each = channel.next())
      got.push_back(each->malformed ? "!" : each->body);
  writer.join();
  EXPECT_EQ(got, (std::vector<std::string>{"!", "{}"}));
}

TEST(Channel, LeavesInThePipeWhatItCannotTakeYet) {
  Pipe pipe;
  std::string all;
  for (int i = 0; i < 1000; ++i) all += framed("{}");
  pipe.write(all);
  pipe.close(1);
  Channel channel(pipe.ends[0], -1);
  int count = 0;
  while (channel.wait())
    while (channel.next()) ++count;
  EXPECT_EQ(count, 1000);
}

TEST(Channel, SendsAllEvenWhereTheReaderIsSlowAndTheEndDoesNotBlock) {
  Pipe pipe;
  HV_CHECK(::fcntl(pipe.ends[1], F_SETFL, O_NONBLOCK) == 0, "cannot change the pipe");
  const std::string body(1 << 20, 'x');
  std::string got;
  std::thread reader([&] {
    char bytes[1000];
    for (ssize_t n; (n = ::read(pipe.ends[0], bytes, sizeof bytes)) > 0;)
      got.append(bytes, static_cast<std::size_t>(n));
  });
  Channel channel(-1, pipe.ends[1]);
  EXPECT_TRUE(channel.send(body));
  pipe.close(1);
  reader.join();
  EXPECT_EQ(got, framed(body));
}

TEST(Channel, TellsThatNobodyReads) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.close(0);
  EXPECT_FALSE(Channel(-1, pipe.ends[1]).send("{}"));
  std::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace hv::lsp
