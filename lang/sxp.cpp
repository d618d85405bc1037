#include "lang/sxp.h"

#include <optional>

namespace hv::lang {
namespace {

constexpr std::size_t kDeepest = 100;
constexpr std::size_t kMostWords = 1'000'000;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

class Reader {
 public:
  Reader(FileId file, std::string_view text, Diagnostics& diagnostics)
      : file_(file), text_(text), diagnostics_(diagnostics) {}

  std::vector<Sxp> run() {
    std::vector<Sxp> open(1);  // the file itself, then each list that is not closed yet
    std::size_t words = 0;
    while (skip_blanks()) {
      const std::size_t begin = at_;
      const char c = text_[at_];
      if (++words > kMostWords) {
        wrong(begin, at_ + 1, Code::statement_too_long, "more than a million words");
        break;
      }
      if (c == '\0') {
        wrong(begin, at_ + 1, Code::zero_byte, "a byte 0: this is no text");
        break;
      }
      if (c == '(') {
        if (open.size() > kDeepest) {
          wrong(begin, at_ + 1, Code::nesting_too_deep,
                "lists nested more than " + std::to_string(kDeepest) + " deep");
          break;
        }
        ++at_;
        open.emplace_back();
        open.back().is_list = true;
        open.back().span = span(begin, at_);
      } else if (c == ')') {
        ++at_;
        if (open.size() == 1) {
          wrong(begin, at_, Code::unmatched_bracket, "a `)` that nothing opens");
          continue;
        }
        close(open);
      } else {
        std::optional<Sxp> word = c == '"' || c == '\'' ? quoted() : plain();
        if (!word) break;
        open.back().items.push_back(std::move(*word));
      }
    }
    if (open.size() > 1 && !failed_) {
      const Span where = open.back().span;
      wrong(where.begin, where.begin + 1, Code::unclosed_bracket, "this `(` is never closed");
    }
    while (open.size() > 1) close(open);
    return std::move(open[0].items);
  }

 private:
  Span span(std::size_t begin, std::size_t end) const {
    return Span{file_, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  }

  void wrong(std::size_t begin, std::size_t end, Code code, std::string message) {
    failed_ = true;
    diagnostics_.report(code, span(begin, end), std::move(message));
  }

  void close(std::vector<Sxp>& open) {
    Sxp done = std::move(open.back());
    open.pop_back();
    done.span.end = static_cast<uint32_t>(at_);
    open.back().items.push_back(std::move(done));
  }

  // To the next word; false at the end. A `#` that begins a word begins a comment.
  bool skip_blanks() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#')
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      else if (is_blank(text_[at_]))
        ++at_;
      else
        return true;
    }
    return false;
  }

  std::optional<Sxp> plain() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !is_blank(text_[at_]) && text_[at_] != '(' && text_[at_] != ')' &&
           text_[at_] != '\0')
      ++at_;
    Sxp word;
    word.text = std::string(text_.substr(begin, at_ - begin));
    word.span = span(begin, at_);
    return word;
  }

  std::optional<Sxp> quoted() {
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    Sxp word;
    word.quoted = true;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] != '\\') {
        word.text += text_[at_++];
        continue;
      }
      if (!escape(word.text)) return std::nullopt;
    }
    if (at_ >= text_.size()) {
      wrong(begin, begin + 1, Code::unterminated_string, "this text is never closed");
      return std::nullopt;
    }
    ++at_;
    word.span = span(begin, at_);
    return word;
  }

  // xend's: \n \t \r \b, \xHH, \OOO; what follows any other backslash stands for itself.
  bool escape(std::string& into) {
    const std::size_t begin = at_++;
    if (at_ >= text_.size()) return true;  // told as a text that is never closed
    const char c = text_[at_++];
    const auto number = [&](int base, std::size_t most) -> std::optional<unsigned> {
      unsigned n = 0;
      std::size_t digits = 0;
      for (; digits < most && at_ < text_.size(); ++digits, ++at_) {
        const char d = text_[at_];
        const int value = d >= '0' && d <= '9'   ? d - '0'
                          : d >= 'a' && d <= 'f' ? d - 'a' + 10
                          : d >= 'A' && d <= 'F' ? d - 'A' + 10
                                                 : 99;
        if (value >= base) break;
        n = n * static_cast<unsigned>(base) + static_cast<unsigned>(value);
      }
      if (digits == 0 || n == 0 || n > 0xff) return std::nullopt;
      return n;
    };
    if (c == 'x' || (c >= '0' && c <= '7')) {
      if (c != 'x') --at_;
      const std::optional<unsigned> n = c == 'x' ? number(16, 2) : number(8, 3);
      if (!n) {
        wrong(begin, at_, Code::bad_escape, "an escape that names no character");
        return false;
      }
      into += static_cast<char>(*n);
      return true;
    }
    switch (c) {
      case 'n':
        into += '\n';
        break;
      case 't':
        into += '\t';
        break;
      case 'r':
        into += '\r';
        break;
      case 'b':
        into += '\b';
        break;
      default:
        into += c;
    }
    return true;
  }

  FileId file_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace

const Sxp* Sxp::find(std::string_view word) const {
  for (const Sxp& item : items)
    if (item.head() == word) return &item;
  return nullptr;
}

std::vector<Sxp> parse_sxp(FileId file, const SourceMap& sources, Diagnostics& diagnostics) {
  return Reader(file, sources.text(file), diagnostics).run();
}

}  // namespace hv::lang
