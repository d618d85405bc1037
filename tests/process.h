// For tests of the program itself: hv as a child process, its words, streams, signals and end.
//
// A Process belongs to one thread, which starts it, may signal it and waits for it; several threads
// may each have their own. Nothing outlives its Process: what still runs is killed by its own id.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hv::testing {

using Milliseconds = std::chrono::milliseconds;

struct Command {
  std::vector<std::string> words;  // after `hv`
  std::string folder = "/";        // where it works
  std::string input;               // its standard input, a pipe
  std::map<std::string, std::string> environment;
  Milliseconds timeout{20'000};  // then it is killed and `timed_out`

  enum class Stream : uint8_t { pipe, full_disk, closed, broken_pipe };
  Stream output = Stream::pipe;
  enum class Input : uint8_t { pipe, closed, folder };
  Input input_from = Input::pipe;
  // Its three streams are a terminal of that many columns; what it says is all in `out`.
  std::optional<unsigned short> terminal_columns;
};

struct Finished {
  int code = -1;   // -1: it did not exit by itself
  int signal = 0;  // what killed it
  bool timed_out = false;
  std::string out, err;
  Milliseconds took{};
  long peak_kib = 0;

  std::string all() const { return out + err; }
};

class Process {
 public:
  explicit Process(const Command& command);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  void type(const std::string& text);  // on its terminal or pipe
  // Reads until `text` was said on stdout or stderr; false if it ended or time was up before.
  bool says(const std::string& text, Milliseconds within = Milliseconds(20'000)) {
    return says_times(text, 1, within);
  }
  bool says_times(const std::string& text, std::size_t times,
                  Milliseconds within = Milliseconds(20'000));
  Finished wait();

 private:
  // One round of reading and writing, at most until `until`; false once both streams are closed.
  bool pump(std::chrono::steady_clock::time_point until);
  void close_input();

  pid_t pid_ = -1;
  int in_ = -1, out_ = -1, err_ = -1;
  bool terminal_ = false;
  std::string to_write_;
  std::size_t written_ = 0;
  std::chrono::steady_clock::time_point begun_, deadline_;
  Finished finished_;
};

// A folder of the test's own that goes away with it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  // Missing folders on the way are made.
  void write(const std::string& name, const std::string& text) const;
  std::string read(const std::string& name) const;
  bool has(const std::string& name) const;
  void remove(const std::string& name) const;
  void copy_from(const std::string& folder) const;

  Command command(std::vector<std::string> words, std::string input = {}) const;
  Finished hv(std::vector<std::string> words, std::string input = {}) const;

 private:
  std::string path_;
};

Finished run(const Command& command);
std::size_t times_in(const std::string& whole, const std::string& part);
std::string file_text(const std::string& path);
std::string hv_program();
std::string example(const std::string& name);  // its folder

// "" if `json` is JSON and fits schemas/NAME.schema.json, else what is wrong.
std::string misfit(const std::string& json, const std::string& schema);

}  // namespace hv::testing
