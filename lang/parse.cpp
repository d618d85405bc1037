// ANTLR at work: the token source's statements go through the generated parser one at a time; its
// errors become diagnostics.
//
// Memory stays bounded by the largest statement, since every statement's contexts are dropped
// before the next one is read. Recovery: an error anywhere in a statement is thrown up to the rule
// `statement`, which skips the statement with its block; only lines inside blocks that begin no
// statement are skipped by sync(). So one mistake gives one message.
#include "lang/parse.h"

#include <algorithm>
#include <unordered_set>

#include "VmParser.h"
#include "lang/build.h"
#include "lang/syntax_errors.h"
#include "lang/token_shape.h"
#include "lang/tokens.h"

namespace hv::lang {

namespace {

#define HV_TOKEN(enumerator, grammar_name, literal, words)            \
  static_assert(static_cast<std::size_t>(TokenKind::enumerator) ==    \
                    static_cast<std::size_t>(VmParser::grammar_name), \
                "lang/token_kinds.def and lang/grammar/VmTokens.tokens disagree");
#include "lang/token_kinds.def"
#undef HV_TOKEN

// Rules nested deeper than this end in a diagnostic: about eight rules a bracket, and some for the
// blocks around it, fit.
constexpr std::size_t kMaxRules = 2'000;

class LightToken final : public antlr4::Token {
 public:
  // `place`: which of the statement's tokens it is, or the first of them.
  LightToken(lang::Token token, std::size_t index, std::size_t place)
      : token_(token), index_(static_cast<uint32_t>(index)), place_(static_cast<uint32_t>(place)) {}

  TokenKind kind() const { return token_.kind; }
  uint32_t begin() const { return token_.begin; }
  uint32_t end() const { return token_.end; }

  std::string getText() const override { return std::string(words(token_.kind)); }
  std::size_t getType() const override {
    return token_.kind == TokenKind::end ? antlr4::Token::EOF
                                         : static_cast<std::size_t>(token_.kind);
  }
  std::size_t getLine() const override { return place_; }
  std::size_t getCharPositionInLine() const override { return token_.begin; }
  std::size_t getChannel() const override { return antlr4::Token::DEFAULT_CHANNEL; }
  std::size_t getTokenIndex() const override { return index_; }
  std::size_t getStartIndex() const override { return token_.begin; }
  std::size_t getStopIndex() const override { return std::size_t{token_.end} - 1; }
  antlr4::TokenSource* getTokenSource() const override { return nullptr; }
  antlr4::CharStream* getInputStream() const override { return nullptr; }
  std::string toString() const override { return getText(); }

 private:
  lang::Token token_;
  uint32_t index_;
  uint32_t place_;
};

// The runtime asks a stream for its source, even where it never reads from it.
class NoSource final : public antlr4::TokenSource {
 public:
  std::unique_ptr<antlr4::Token> nextToken() override {
    return std::make_unique<LightToken>(lang::Token{TokenKind::end, false, 0, 0}, 0, 0);
  }
  std::size_t getLine() const override { return 0; }
  std::size_t getCharPositionInLine() override { return 0; }
  antlr4::CharStream* getInputStream() override { return nullptr; }
  std::string getSourceName() override { return "vm"; }
  antlr4::TokenFactory<antlr4::CommonToken>* getTokenFactory() override {
    return antlr4::CommonTokenFactory::DEFAULT.get();
  }
};

// One statement's tokens, an end token behind them.
class Window final : public antlr4::TokenStream {
 public:
  void fill(const std::vector<lang::Token>& tokens) {
    begin(tokens);
    for (std::size_t i = 0; i < tokens.size(); ++i) add(tokens[i], i);
    finish(tokens);
  }
  // The same with plain lines and values as one token each; false where there are none. The grammar
  // takes such a token wherever it takes the whole, but not where a string is no value: then the
  // parse fails, and fill() is the way.
  bool fill_plain(const std::vector<lang::Token>& tokens) {
    begin(tokens);
    bool any = false;
    for (std::size_t i = 0; i < tokens.size();) {
      const TokenKind before = i == 0 ? TokenKind::end : tokens[i - 1].kind;
      std::size_t length = 0;
      TokenKind kind = TokenKind::plain_line;
      if (before == TokenKind::newline || before == TokenKind::indent ||
          before == TokenKind::dedent) {
        length = plain_line_length(tokens, i);
      } else if (before == TokenKind::assign || before == TokenKind::comma ||
                 before == TokenKind::left_paren || before == TokenKind::left_bracket) {
        length = plain_value_length(tokens, i);
        kind = TokenKind::plain_value;
      }
      if (length == 0) {
        add(tokens[i], i);
        ++i;
        continue;
      }
      any = true;
      add({kind, false, tokens[i].begin, tokens[i + length - 1].end}, i);
      i += length;
    }
    finish(tokens);
    return any;
  }
  const LightToken& token(std::size_t index) const {
    return tokens_[std::min(index, tokens_.size() - 1)];
  }
  TokenKind here() const { return token(at_).kind(); }

  antlr4::Token* LT(ssize_t k) override {
    const auto index = static_cast<ssize_t>(at_) + (k > 0 ? k - 1 : k);
    if (index < 0) return nullptr;
    return &tokens_[std::min(static_cast<std::size_t>(index), tokens_.size() - 1)];
  }
  std::size_t LA(ssize_t k) override {
    const auto index = static_cast<ssize_t>(at_) + (k > 0 ? k - 1 : k);
    if (index < 0) return antlr4::Token::INVALID_TYPE;
    return tokens_[std::min(static_cast<std::size_t>(index), tokens_.size() - 1)].getType();
  }
  antlr4::Token* get(std::size_t index) const override {
    return const_cast<LightToken*>(&token(index));
  }
  void consume() override { at_ = std::min(at_ + 1, tokens_.size() - 1); }
  ssize_t mark() override { return 0; }
  void release(ssize_t) override {}
  std::size_t index() override { return at_; }
  void seek(std::size_t index) override { at_ = std::min(index, tokens_.size() - 1); }
  std::size_t size() override { return tokens_.size(); }
  std::string getSourceName() const override { return "vm"; }
  antlr4::TokenSource* getTokenSource() const override { return &source_; }
  std::string getText(const antlr4::misc::Interval&) override { return {}; }
  std::string getText() override { return {}; }
  std::string getText(antlr4::RuleContext*) override { return {}; }
  std::string getText(antlr4::Token*, antlr4::Token*) override { return {}; }

 private:
  void begin(const std::vector<lang::Token>& tokens) {
    tokens_.clear();
    tokens_.reserve(tokens.size() + 1);
    at_ = 0;
  }
  void add(lang::Token token, std::size_t place) {
    tokens_.emplace_back(token, tokens_.size(), place);
  }
  void finish(const std::vector<lang::Token>& tokens) {
    const uint32_t end = tokens.empty() ? 0 : tokens.back().end;
    add({TokenKind::end, false, end, end}, tokens.size());
  }

  mutable NoSource source_;
  std::vector<LightToken> tokens_;
  std::size_t at_ = 0;
};

class DepthExceeded final : public std::exception {};

// The generated parser with a limit to its recursion.
class BoundedParser final : public VmParser {
 public:
  using VmParser::VmParser;

  void enterRule(antlr4::ParserRuleContext* context, std::size_t state, std::size_t rule) override {
    while (!stack_.empty() && stack_.back() != context->parent) stack_.pop_back();
    stack_.push_back(context);
    if (stack_.size() > kMaxRules) throw DepthExceeded();
    VmParser::enterRule(context, state, rule);
  }
  void forget() { stack_.clear(); }

 private:
  std::vector<antlr4::RuleContext*> stack_;
};

// Errors: what was found, what was expected, in people's words; and how parsing goes on.
class Errors final : public antlr4::ANTLRErrorStrategy {
 public:
  Errors(SyntaxErrors said, Window& window, Diagnostics& diagnostics)
      : words_(said), window_(window), diagnostics_(diagnostics) {}

  // Of a parse that is done again where it fails, nothing is said.
  bool quiet = false;

  // Token ranges of this statement that were skipped.
  std::vector<std::pair<std::size_t, std::size_t>> skipped;

  // Lines of this statement that begin a block and are broken, by their first token; and what was
  // said of them.
  std::vector<std::size_t> headers;
  std::vector<Diagnostic> of_headers;

  void forget() {
    skipped.clear();
    headers.clear();
    of_headers.clear();
  }

  void reset(antlr4::Parser*) override { reported_ = false; }
  bool inErrorRecoveryMode(antlr4::Parser*) override { return reported_; }
  void reportMatch(antlr4::Parser*) override {}

  antlr4::Token* recoverInline(antlr4::Parser* parser) override {
    throw antlr4::InputMismatchException(parser);
  }

  // Only in a block's loop over statements: a line that begins none.
  void sync(antlr4::Parser* parser) override {
    if (parser->getContext()->getRuleIndex() != VmParser::RuleBlock) return;
    for (;;) {
      const std::size_t at = window_.index();
      if (at == 0) return;
      const TokenKind before = window_.token(at - 1).kind();
      if (before != TokenKind::indent && before != TokenKind::newline &&
          before != TokenKind::dedent)
        return;
      const TokenKind kind = window_.here();
      if (begins_statement(kind) || kind == TokenKind::dedent || kind == TokenKind::end ||
          kind == TokenKind::indent)
        return;
      // `else` and its like may belong to the statement around this block only after a DEDENT.
      describe(at, nullptr);
      skip_statement(at);
      reported_ = false;
    }
  }

  void reportError(antlr4::Parser* parser, const antlr4::RecognitionException& error) override {
    if (reported_) return;
    reported_ = true;
    const antlr4::Token* offending = error.getOffendingToken();
    const std::size_t index = offending == nullptr ? window_.index() : offending->getTokenIndex();
    antlr4::misc::IntervalSet expected;
    if (error.getCtx() != nullptr && !quiet)
      expected = parser->getATN().getExpectedTokens(error.getOffendingState(), error.getCtx());
    describe(index, &expected);
  }

  void recover(antlr4::Parser* parser, std::exception_ptr error) override {
    antlr4::ParserRuleContext* context = parser->getContext();
    const std::size_t rule = context->getRuleIndex();
    if (rule == VmParser::RuleStatement) {
      skip_statement(context->start->getTokenIndex());
      reported_ = false;
      return;
    }
    if (rule == VmParser::RuleUnit || rule == VmParser::RuleExpressionUnit) {
      skipped.emplace_back(0, window_.size());
      window_.seek(window_.size());
      reported_ = false;
      return;
    }
    std::rethrow_exception(error);
  }

 private:
  // From the statement that begins at token `begin`, with its block and its clauses.
  void skip_statement(std::size_t begin) {
    std::size_t at = window_.index();
    const auto kind = [&](std::size_t i) { return window_.token(i).kind(); };
    const auto ends_line = [&](std::size_t i) {
      return kind(i) == TokenKind::newline || kind(i) == TokenKind::dedent;
    };
    // The error may stand at the first token behind the statement.
    const bool behind = at > begin && ends_line(at - 1) && !is_clause(kind(at));
    if (!behind) {
      do {
        while (kind(at) != TokenKind::newline && kind(at) != TokenKind::end) ++at;
        if (kind(at) == TokenKind::newline) ++at;
        if (kind(at) == TokenKind::indent) {
          int depth = 0;
          do {
            depth += kind(at) == TokenKind::indent ? 1 : kind(at) == TokenKind::dedent ? -1 : 0;
            ++at;
          } while (depth > 0 && kind(at) != TokenKind::end);
        }
      } while (is_clause(kind(at)));
    }
    window_.seek(at);
    skipped.emplace_back(begin, at);
  }

  void describe(std::size_t index, const antlr4::misc::IntervalSet* expected) {
    reported_ = true;
    if (quiet) return;
    KindSet kinds;
    for (std::size_t kind = 0; expected != nullptr && kind < kinds.size(); ++kind)
      kinds[kind] = expected->contains(static_cast<ssize_t>(kind));
    const std::size_t said = diagnostics_.size();
    words_.say(index, kinds);
    if (!words_.heads_block(index)) return;
    headers.push_back(words_.line_start(index));
    for (std::size_t i = said; i < diagnostics_.size(); ++i)
      of_headers.push_back(diagnostics_.all()[i]);
  }

  SyntaxErrors words_;
  Window& window_;
  Diagnostics& diagnostics_;
  bool reported_ = false;
};

// All that parsing one file needs, from its text to the tree.
class FileParser {
 public:
  FileParser(FileId file, std::string_view text, bool shortcut = true)
      : shortcut_(shortcut),
        file_(file),
        text_(text),
        tree_(file),
        reader_(file, text, diagnostics_),
        parser_(&window_),
        errors_(std::make_shared<Errors>(SyntaxErrors(file, text, tokens_, reader_, diagnostics_),
                                         window_, diagnostics_)) {
    parser_.setBuildParseTree(false);
    parser_.removeErrorListeners();
    parser_.setErrorHandler(errors_);
  }

  SyntaxTree file(Diagnostics& diagnostics) {
    while (diagnostics_.error_count() < kMaxErrors && reader_.next_statement(tokens_)) {
      mark_statement_words(tokens_, text_);
      for (const lang::Token& token : tokens_)
        declares_ = declares_ ||
                    (token.kind >= TokenKind::domain && token.kind <= TokenKind::schema) ||
                    token.kind == TokenKind::moved;
      statement();
    }
    if (declares_ && reader_.mixed_indentation().valid())
      diagnostics_
          .report(Code::mixed_indentation, reader_.mixed_indentation(),
                  "tabs and blanks both indent lines of this file")
          .help = "a tab goes to the next multiple of eight; `hv fmt` writes four blanks";
    return finish(diagnostics);
  }

  SyntaxTree expression(Diagnostics& diagnostics) {
    reader_.rest_as_expression(tokens_);
    const auto end = static_cast<uint32_t>(text_.size());
    tokens_.push_back({TokenKind::newline, false, end, end});
    window_.fill(tokens_);
    guarded([&] {
      auto* unit = parser_.expressionUnit();
      if (errors_->skipped.empty()) build_expression_unit(unit, text_, tree_, parts_, diagnostics_);
    });
    lose_skipped();
    return finish(diagnostics);
  }

 private:
  void statement() {
    parts_.dropped.clear();
    if (shortcut_ && build_plain_assignment(tokens_, text_, tree_, parts_, diagnostics_)) {
      lose_dropped();
      return;
    }
    if (shortcut_ && window_.fill_plain(tokens_)) {
      const std::size_t said = diagnostics_.size();
      bool clean = false;
      errors_->quiet = true;
      guarded([&] {
        auto* unit = parser_.unit();
        clean = errors_->skipped.empty();
        if (clean) build_unit(unit, tokens_, text_, tree_, parts_, diagnostics_);
      });
      errors_->quiet = false;
      if (clean) return lose_dropped();
      diagnostics_.truncate(said);
    }
    // Each round mends the broken headers that are not inside another one.
    for (unsigned round = 0;; ++round) {
      window_.fill(tokens_);
      const std::size_t said = diagnostics_.size();
      bool whole = true;
      guarded([&] {
        auto* unit = parser_.unit();
        whole = errors_->headers.empty() || round > kMaxBlocks;
        if (whole) build_unit(unit, tokens_, text_, tree_, parts_, diagnostics_);
      });
      if (whole) break;
      mend_headers(said);
    }
    lose_skipped();
  }

  // Puts the plainest header of its kind in the place of each broken one, so that the block under
  // it is read and checked. Of what was said since `said` only the reports about headers stay: the
  // rest will be said again.
  void mend_headers(std::size_t said) {
    diagnostics_.truncate(said);
    for (Diagnostic& diagnostic : errors_->of_headers) diagnostics_.report(std::move(diagnostic));
    for (std::size_t i = errors_->headers.size(); i-- > 0;) {
      const std::size_t first = errors_->headers[i];
      std::size_t end = first;
      while (tokens_[end].kind != TokenKind::newline) ++end;
      lose(first, end);
      const std::vector<lang::Token> header = plain_header(first, end);
      const auto at = tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(first),
                                    tokens_.begin() + static_cast<std::ptrdiff_t>(end));
      tokens_.insert(at, header.begin(), header.end());
    }
  }

  std::vector<lang::Token> plain_header(std::size_t first, std::size_t end) const {
    const lang::Token word = tokens_[first];
    const auto mark = [&](TokenKind kind) { return lang::Token{kind, false, word.end, word.end}; };
    std::vector<lang::Token> made{word};
    const auto named =
        std::find_if(tokens_.begin() + static_cast<std::ptrdiff_t>(first) + 1,
                     tokens_.begin() + static_cast<std::ptrdiff_t>(end),
                     [](const lang::Token& token) { return token.kind == TokenKind::name; });
    const bool has_name = named != tokens_.begin() + static_cast<std::ptrdiff_t>(end);
    const TokenKind kind = word.kind;
    if (kind == TokenKind::if_ || kind == TokenKind::elif || kind == TokenKind::while_) {
      made.push_back(mark(TokenKind::true_));
    } else if (kind == TokenKind::for_) {
      for (TokenKind part : {TokenKind::left_bracket, TokenKind::right_bracket, TokenKind::in,
                             TokenKind::left_bracket, TokenKind::right_bracket})
        made.push_back(mark(part));
    } else if (kind == TokenKind::except) {
      made.push_back(mark(TokenKind::left_paren));
      made.push_back(mark(TokenKind::right_paren));
    } else if (kind == TokenKind::def) {
      made.push_back(has_name ? *named : lang::Token{TokenKind::name, false, word.begin, word.end});
      made.push_back(mark(TokenKind::left_paren));
      made.push_back(mark(TokenKind::right_paren));
    } else if (declares_block(kind)) {
      // The first thing behind the word is meant to be the name.
      lang::Token name = tokens_[first + 1];
      const bool plain = name.kind == TokenKind::name || name.kind == TokenKind::string;
      const bool odd = is_literal(name.kind) || name.kind == TokenKind::invalid;
      if (!plain)
        name = {TokenKind::name, false, odd ? name.begin : word.begin, odd ? name.end : word.end};
      made.push_back(name);
    }
    made.push_back({TokenKind::colon, false, tokens_[end].begin, tokens_[end].begin});
    return made;
  }

  template <typename Work>
  void guarded(Work work) {
    parser_.reset();
    parser_.forget();
    errors_->forget();
    parts_.dropped.clear();
    try {
      work();
    } catch (const DepthExceeded&) {
      const LightToken& at = window_.token(window_.index());
      diagnostics_
          .report(Code::nesting_too_deep, {file_, at.begin(), at.end()},
                  "this statement is nested too deep")
          .help = "build it in several statements";
      errors_->forget();
      errors_->skipped.assign(1, {0, window_.size()});
    }
  }

  void lose_skipped() {
    for (const auto& [begin, end] : errors_->skipped) lose(begin, end);
    lose_dropped();
  }

  void lose_dropped() {
    for (const Span& span : parts_.dropped)
      for (std::size_t i = 0; i < tokens_.size(); ++i)
        if (tokens_[i].begin >= span.begin && tokens_[i].end <= span.end) lose(i, i + 1);
  }

  // The names among these tokens may have been bound by what was dropped.
  void lose(std::size_t begin, std::size_t end) {
    tree_.broken = true;
    for (std::size_t i = begin; i < std::min(end, tokens_.size()); ++i) {
      if (tokens_[i].kind != TokenKind::name) continue;
      const std::string_view name =
          text_.substr(tokens_[i].begin, tokens_[i].end - tokens_[i].begin);
      lost_.insert(name);
      // `memory = …` at the file's level still tells what kind of file this is.
      if (i == 0 && tokens_.size() > 1 && tokens_[1].kind == TokenKind::assign)
        parts_.assigned.push_back({name, {file_, tokens_[i].begin, tokens_[i].end}});
    }
  }

  template <typename T>
  List<T> keep(const std::vector<T>& from) {
    if (from.empty()) return {};
    T* to = static_cast<T*>(tree_.arena().allocate(sizeof(T) * from.size(), alignof(T)));
    std::uninitialized_copy(from.begin(), from.end(), to);
    return {to, from.size()};
  }

  SyntaxTree finish(Diagnostics& diagnostics) {
    tree_.body = keep(parts_.body);
    tree_.shape.declares = declares_;
    tree_.shape.declarations = keep(parts_.declarations);
    tree_.shape.moved = keep(parts_.moved);
    tree_.shape.params = keep(parts_.params);
    tree_.shape.imports = keep(parts_.imports);
    tree_.shape.assigned = keep(parts_.assigned);
    tree_.broken_names = keep(std::vector<std::string_view>(lost_.begin(), lost_.end()));
    tree_.broken = tree_.broken || diagnostics_.has_errors();
    hand_over(diagnostics);
    return std::move(tree_);
  }

  // In the order of the text; at most kMaxErrors errors.
  void hand_over(Diagnostics& diagnostics) {
    std::vector<Diagnostic> all(diagnostics_.all().begin(), diagnostics_.all().end());
    std::stable_sort(all.begin(), all.end(), [](const Diagnostic& a, const Diagnostic& b) {
      return a.primary.begin < b.primary.begin;
    });
    std::size_t errors = 0;
    for (Diagnostic& diagnostic : all) {
      if (diagnostic.severity == Severity::error) ++errors;
      const Span last = diagnostic.primary;
      // A fix is said beside the carets, where nothing else is.
      if (diagnostic.fix && diagnostic.primary_label.empty())
        diagnostic.primary_label = diagnostic.fix->title;
      diagnostics.report(std::move(diagnostic));
      if (errors < kMaxErrors) continue;
      diagnostics.report(Code::too_many_errors, last,
                         "reading stops here, after " + std::to_string(kMaxErrors) + " errors");
      return;
    }
  }

  bool shortcut_;
  FileId file_;
  std::string_view text_;
  Diagnostics diagnostics_;
  SyntaxTree tree_;
  TreeParts parts_;
  bool declares_ = false;
  std::unordered_set<std::string_view> lost_;
  TokenReader reader_;
  std::vector<lang::Token> tokens_;
  Window window_;
  BoundedParser parser_;
  std::shared_ptr<Errors> errors_;
};

}  // namespace

SyntaxTree parse(FileId file, const SourceMap& sources, Diagnostics& diagnostics) {
  return FileParser(file, sources.text(file)).file(diagnostics);
}

SyntaxTree parse_by_grammar(FileId file, const SourceMap& sources, Diagnostics& diagnostics) {
  return FileParser(file, sources.text(file), false).file(diagnostics);
}

SyntaxTree parse_expression(FileId file, const SourceMap& sources, Diagnostics& diagnostics) {
  return FileParser(file, sources.text(file)).expression(diagnostics);
}

}  // namespace hv::lang
