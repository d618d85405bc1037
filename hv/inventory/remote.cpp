#include "hv/inventory/remote.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace hv {
namespace {

// A chain of backing files is at most this long, and each costs a call or two.
constexpr int kMostCalls = 64;

// One request a line, its words parted by tabs; one answer a line: "-" for nothing there, "!" and
// why, or "+" and the bytes in base64. bash, coreutils and util-linux are all it needs.
constexpr const char* kScript = R"(
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin LVM_SUPPRESS_FD_WARNINGS=1
set -o pipefail
while IFS=$'\t' read -r -a word; do
  path=${word[1]}
  case ${word[0]} in
    text) [ -f "$path" ] && said=$(base64 -w0 < "$path" 2>/dev/null) ;;
    list) [ -d "$path" ] && said=$(ls -A1 -- "$path" 2>/dev/null | base64 -w0) ;;
    link) [ -L "$path" ] && said=$(readlink -n -- "$path" | base64 -w0) ;;
    facts) said=$(stat -c '%f %i %h %s %b %t %T' -- "$path" 2>/dev/null | base64 -w0) ;;
    bytes)
      from=${word[2]}
      if [ "$from" -lt 0 ]; then
        size=$(blockdev --getsize64 "$path" 2>/dev/null || stat -Lc %s -- "$path" 2>/dev/null)
        from=$((${size:-0} + from))
        [ "$from" -ge 0 ] || from=0
      fi
      said=$(dd if="$path" bs=64k skip="$from" count="${word[3]}" \
        iflag=skip_bytes,count_bytes,fullblock 2>/dev/null | base64 -w0) ;;
    run)
      if command -v "$path" >/dev/null; then
        said=$(timeout 60 "${word[@]:1}" </dev/null 2>/dev/null | base64 -w0)
        code=$?
        [ $code = 0 ] || { echo "!failed with exit code $code"; continue; }
      else
        echo '!is not installed'
        continue
      fi ;;
  esac
  if [ $? = 0 ]; then echo "+$said"; else echo -; fi
done
)";

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    if (c == '=') break;
    uint32_t six = 0;
    if (c >= 'A' && c <= 'Z')
      six = static_cast<uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      six = static_cast<uint32_t>(c - 'a' + 26);
    else if (c >= '0' && c <= '9')
      six = static_cast<uint32_t>(c - '0' + 52);
    else if (c == '+')
      six = 62;
    else if (c == '/')
      six = 63;
    else
      return std::nullopt;
    bits = bits << 6 | six;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes += static_cast<char>(bits >> have & 0xff);
  }
  return bytes;
}

struct Answer {
  bool there = false;
  std::string bytes, why;
};

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// What was asked and answered. What is not known yet is nothing, and is remembered as missing.
class KnownMachine final : public Machine {
 public:
  std::optional<std::string> text(const std::string& path) const override {
    const Answer* answer = ask("text\t" + path);
    if (answer == nullptr) return std::nullopt;
    std::string all = answer->bytes;
    while (all.ends_with('\n')) all.pop_back();
    return all;
  }
  Result<std::string> bytes_at(const std::string& path, int64_t offset,
                               std::size_t count) const override {
    const Answer* answer =
        ask("bytes\t" + path + "\t" + std::to_string(offset) + "\t" + std::to_string(count));
    if (answer == nullptr) return Error{Code::file_unreadable, "`" + path + "` cannot be read", {}};
    return answer->bytes;
  }
  std::vector<std::string> list(const std::string& path) const override {
    std::vector<std::string> names;
    const Answer* answer = ask("list\t" + path);
    if (answer == nullptr) return names;
    std::size_t at = 0;
    while (at < answer->bytes.size()) {
      const std::size_t end = std::min(answer->bytes.find('\n', at), answer->bytes.size());
      names.push_back(answer->bytes.substr(at, end - at));
      at = end + 1;
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  std::optional<std::string> link(const std::string& path) const override {
    const Answer* answer = ask("link\t" + path);
    if (answer == nullptr) return std::nullopt;
    return answer->bytes;
  }
  std::optional<FileFacts> facts(const std::string& path) const override {
    const Answer* answer = ask("facts\t" + path);
    if (answer == nullptr) return std::nullopt;
    std::string line = answer->bytes;
    while (line.ends_with('\n')) line.pop_back();
    const std::vector<std::string> words = words_of(line);
    if (words.size() != 7) return std::nullopt;
    const auto number = [&](std::size_t i, int base) {
      return static_cast<int64_t>(std::strtoll(words[i].c_str(), nullptr, base));
    };
    FileFacts facts;
    facts.inode = number(1, 10);
    facts.links = number(2, 10);
    facts.size = number(3, 10);
    facts.allocated = number(4, 10) * 512;
    switch (number(0, 16) & 0170000) {
      case 0100000:
        facts.kind = FileFacts::Kind::file;
        break;
      case 0040000:
        facts.kind = FileFacts::Kind::folder;
        break;
      case 0060000:
        facts.kind = FileFacts::Kind::block;
        facts.number = std::to_string(number(5, 16)) + ":" + std::to_string(number(6, 16));
        break;
    }
    return facts;
  }
  Result<std::string> run(const std::vector<std::string>& words) const override {
    std::string line = "run";
    for (const std::string& word : words) line += "\t" + word;
    const auto known = answers_.find(line);
    if (ask(line) != nullptr) return known->second.bytes;
    const std::string why = known == answers_.end() ? "" : known->second.why;
    return Error{Code::file_unreadable, why.empty() ? "does not answer" : why, {}};
  }

  const std::set<std::string>& missing() const { return missing_; }

  // The answers to what is missing, in its order; false for what can be none.
  bool learn(const std::string& said) {
    std::size_t at = 0;
    for (const std::string& line : missing_) {
      const std::size_t end = said.find('\n', at);
      if (end == std::string::npos || end == at) return false;
      const std::string_view one(said.data() + at, end - at);
      Answer answer;
      if (one[0] == '+') {
        std::optional<std::string> bytes = from_base64(one.substr(1));
        if (!bytes) return false;
        answer = {true, std::move(*bytes), {}};
      } else if (one[0] == '!') {
        answer.why = one.substr(1);
      } else if (one != "-") {
        return false;
      }
      answers_[line] = std::move(answer);
      at = end + 1;
    }
    missing_.clear();
    return at == said.size();
  }

 private:
  const Answer* ask(const std::string& line) const {
    const auto known = answers_.find(line);
    if (known != answers_.end()) return known->second.there ? &known->second : nullptr;
    // A name with a line's end in it cannot be asked for; a tab would be taken for two words.
    const auto tabs = std::count(line.begin(), line.end(), '\t');
    const auto most = line.starts_with("bytes\t") ? 3 : line.starts_with("run\t") ? 99 : 1;
    if (line.find('\n') == std::string::npos && tabs <= most) missing_.insert(line);
    return nullptr;
  }

  std::map<std::string, Answer> answers_;
  mutable std::set<std::string> missing_;
};

}  // namespace

Result<Inventory> gather_from_afar(const GatherRequest& request, const RunScript& run) {
  KnownMachine machine;
  for (int call = 0; call < kMostCalls; ++call) {
    Inventory inventory = gather(request, machine);
    if (machine.missing().empty()) return inventory;
    std::string input;
    for (const std::string& line : machine.missing()) input += line + "\n";
    const std::string said = TRY(run(kScript, input));
    if (!machine.learn(said))
      return Error{Code::host_unreachable,
                   "the host `" + request.host.text + "` answers with something else",
                   "its login shell must print nothing by itself"};
  }
  return Error{Code::host_unreachable,
               "the host `" + request.host.text + "` always leads to something more",
               "run `hv inventory` there, and copy the file"};
}

}  // namespace hv
