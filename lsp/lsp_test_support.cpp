#include "lsp/lsp_test_support.h"

#include <sys/mman.h>
#include <unistd.h>

#include <charconv>

#include "base/check.h"
#include "lsp/server.h"

namespace hv::lsp {

namespace {

// A file without a name, so that neither side ever waits for the other.
class Scratch {
 public:
  Scratch() : fd_(::memfd_create("lsp", MFD_CLOEXEC)) { HV_CHECK(fd_ >= 0, "no memory file"); }
  ~Scratch() { ::close(fd_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  int fd() const { return fd_; }
  void fill(const std::string& text) const {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t n = ::write(fd_, text.data() + done, text.size() - done);
      HV_CHECK(n > 0, "a memory file takes no more");
      done += static_cast<std::size_t>(n);
    }
    ::lseek(fd_, 0, SEEK_SET);
  }
  std::string all() const {
    ::lseek(fd_, 0, SEEK_SET);
    std::string text;
    char bytes[1 << 16];
    for (ssize_t n; (n = ::read(fd_, bytes, sizeof bytes)) > 0;)
      text.append(bytes, static_cast<std::size_t>(n));
    return text;
  }

 private:
  int fd_;
};

}  // namespace

Marked marked(const std::string& text, Encoding encoding) {
  const std::size_t at = text.find("@@");
  HV_CHECK(at != std::string::npos, "a text without a cursor");
  Marked made{text.substr(0, at) + text.substr(at + 2), {}};
  made.cursor = TextLines(made.text, encoding).position(static_cast<uint32_t>(at));
  return made;
}

compiler::MemoryFiles project_files(std::map<std::string, std::string> files) {
  std::map<std::string, std::string> all;
  all["/p/hv.toml"] =
      "[project]\nid = \"6f0d3a52-5c1e-4d0b-9f6e-0a4c1d2b7e93\"\nname = \"p\"\n"
      "sources = [\"main.vm\"]\nhost = \"xen1\"\n"
      "[hosts.xen1]\ndriver = \"sim\"\nmemory = \"64GiB\"\ncpus = 16\n"
      "disks = { sda = \"200GiB\" }\nbridges = [\"xenbr0\"]\n"
      "[hosts.xen2]\ndriver = \"sim\"\n";
  for (auto& [path, text] : files) all["/p/" + path] = std::move(text);
  return compiler::MemoryFiles(std::move(all));
}

std::string framed(const std::string& body) {
  return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

Conversation converse(const std::string& input, const Files& files, int64_t steps) {
  const Scratch in, out;
  in.fill(input);
  Conversation said;
  ServerOptions options;
  options.input = in.fd();
  options.output = out.fd();
  options.files = &files;
  options.steps = steps;
  said.code = serve(options);
  std::string text = out.all();
  while (!text.empty()) {
    static constexpr std::string_view kHeader = "Content-Length: ";
    const std::size_t end = text.find("\r\n\r\n");
    std::size_t length = 0;
    if (!text.starts_with(kHeader) || end == std::string::npos ||
        std::from_chars(text.data() + kHeader.size(), text.data() + end, length).ptr !=
            text.data() + end ||
        text.size() - end - 4 < length) {
      said.trouble = "no well-framed message: " + text.substr(0, 100);
      break;
    }
    said.bodies.push_back(text.substr(end + 4, length));
    text.erase(0, end + 4 + length);
  }
  return said;
}

}  // namespace hv::lsp
