// Where a blank stands between two tokens, what is a type, and which quotes a string has.
#include <algorithm>

#include "lang/format_layout.h"

namespace hv::lang {

namespace {

bool is_opener(TokenKind kind) {
  return kind == TokenKind::left_paren || kind == TokenKind::left_bracket ||
         kind == TokenKind::left_brace;
}
bool is_closer(TokenKind kind) {
  return kind == TokenKind::right_paren || kind == TokenKind::right_bracket ||
         kind == TokenKind::right_brace;
}
bool is_number(TokenKind kind) {
  return kind == TokenKind::integer || kind == TokenKind::floating || kind == TokenKind::size ||
         kind == TokenKind::duration;
}
bool is_constant(TokenKind kind) {
  return kind == TokenKind::none || kind == TokenKind::true_ || kind == TokenKind::false_;
}
// What may end an operand.
bool ends_operand(TokenKind kind) {
  return kind == TokenKind::name || is_number(kind) || is_constant(kind) ||
         kind == TokenKind::string || is_closer(kind) || kind == TokenKind::question;
}
bool is_sign(TokenKind kind) {
  return kind == TokenKind::minus || kind == TokenKind::plus || kind == TokenKind::tilde ||
         kind == TokenKind::star || kind == TokenKind::star_star;
}

// Brackets and what they are of; `=` and `:` mean different things in them.
struct Level {
  TokenKind open;
  bool subscript = false;   // x[…], also of a type
  bool parameters = false;  // of a def
  bool type = false;        // inside a type
  bool annotated = false;   // this parameter has a type: `=` takes blanks
  unsigned lambdas = 0;     // whose `:` has not come
};

class Spacing {
 public:
  Spacing(std::span<Atom> atoms, std::vector<bool>& space_before)
      : atoms_(atoms), space_(space_before) {}

  void run() {
    space_.assign(atoms_.size(), false);
    levels_.push_back({TokenKind::newline});
    for (std::size_t i = 0; i < atoms_.size(); ++i) {
      enter(i);
      space_[i] = i > 0 && space_between(i);
      leave(i);
    }
  }

 private:
  TokenKind kind(std::size_t i) const {
    return i < atoms_.size() ? atoms_[i].kind : TokenKind::newline;
  }
  Level& level() { return levels_.back(); }
  bool header() const { return begins_header(kind(0)); }
  bool ends_operand_at(std::size_t i) const {
    return kind(i) == TokenKind::backquote ? backquote_closes_ : ends_operand(kind(i));
  }

  // Before the atom's own blank is decided.
  void enter(std::size_t i) {
    const TokenKind k = kind(i);
    if (is_closer(k) && levels_.size() > 1) levels_.pop_back();
    if (levels_.size() == 1 && k == TokenKind::assign) type_ = false;
    if (levels_.size() == 1 && k == TokenKind::colon && header() && level().lambdas == 0)
      type_ = false;  // the end of `-> T:`
    if (k == TokenKind::assign || k == TokenKind::comma) {
      if (level().parameters) level().type = false;
      if (k == TokenKind::comma) level().annotated = false;
    }
    if (is_sign(k)) sign_ = i == 0 || !ends_operand_at(i - 1);
    if (k == TokenKind::shift_right) sign_ = i > 0 && kind(i - 1) == TokenKind::print;
    atoms_[i].type = type_ || level().type;
  }

  // What it means for those behind it.
  void leave(std::size_t i) {
    const TokenKind k = kind(i);
    colon_of_slice_ = k == TokenKind::colon && level().subscript && level().lambdas == 0;
    last_was_sign_ = sign_ && (is_sign(k) || k == TokenKind::shift_right);
    if (k == TokenKind::lambda) ++level().lambdas;
    if (k == TokenKind::backquote) backquote_closes_ = !backquote_closes_;
    if (k == TokenKind::arrow && kind(0) == TokenKind::def) type_ = true;
    if (k == TokenKind::colon) {
      if (level().lambdas > 0)
        --level().lambdas;
      else if (level().parameters)
        level().type = level().annotated = true;
      else if (levels_.size() == 1 && !header())
        type_ = true;
    }
    if (!is_opener(k)) return;
    Level inner{k};
    inner.type = type_ || level().type;
    inner.subscript = k == TokenKind::left_bracket && i > 0 && ends_operand_at(i - 1);
    inner.parameters = k == TokenKind::left_paren && i == 2 && kind(0) == TokenKind::def;
    levels_.push_back(inner);
  }

  bool space_between(std::size_t i) {
    const TokenKind before = kind(i - 1), here = kind(i);
    if (before == TokenKind::backquote || here == TokenKind::backquote)
      return atoms_[i].space_before;
    if (is_opener(before) || is_closer(here) || here == TokenKind::comma ||
        here == TokenKind::question)
      return false;
    if (before == TokenKind::comma) return true;
    if (before == TokenKind::dot || here == TokenKind::dot)
      return is_number(before) || is_number(here);  // `1 .real` is no other number
    if (before == TokenKind::dot_dot || here == TokenKind::dot_dot)
      return atoms_[i - 1].text.back() == '.' && atoms_[i].text.front() == '.';
    if (here == TokenKind::colon) return false;
    if (before == TokenKind::colon) return !colon_of_slice_;
    if (here == TokenKind::assign || before == TokenKind::assign) {
      const bool named = levels_.size() > 1 || level().lambdas > 0;
      return !named || level().annotated;
    }
    if (here == TokenKind::left_paren || here == TokenKind::left_bracket)
      if (ends_operand_at(i - 1)) return false;
    if (last_was_sign_) return false;
    if (is_power(i)) return false;
    return true;
  }

  // `2**10`: no blanks around the operator between plain names and numbers.
  bool is_power(std::size_t i) const {
    if (kind(i) == TokenKind::star_star && !sign_) return hugs(i);
    return kind(i - 1) == TokenKind::star_star && hugs(i - 1);
  }
  bool hugs(std::size_t operator_at) const {
    const auto plain = [&](std::size_t at) {
      return kind(at) == TokenKind::name || is_number(kind(at));
    };
    const TokenKind next = kind(operator_at + 2);
    return operator_at > 0 && plain(operator_at - 1) && plain(operator_at + 1) &&
           !is_opener(next) && next != TokenKind::dot && next != TokenKind::star_star &&
           (operator_at < 2 || kind(operator_at - 2) != TokenKind::star_star);
  }

 private:
  std::span<Atom> atoms_;
  std::vector<bool>& space_;
  std::vector<Level> levels_;
  bool type_ = false;  // of an annotation outside brackets
  bool sign_ = false;  // the last +, -, ~, *, ** stands before an operand, not between two
  bool last_was_sign_ = false;
  bool colon_of_slice_ = false;
  bool backquote_closes_ = false;
};

// 'x' as "x", where no character of it has to change but an escaped quote.
void prefer_double_quotes(Atom& atom) {
  std::string& text = atom.text;
  const std::size_t quote = text.find_first_of("\"'");
  if (text[quote] == '"' || text.substr(quote).starts_with("'''")) return;
  const bool raw = text.substr(0, quote).find_first_of("rR") != std::string::npos;
  const std::string body = text.substr(quote + 1, text.size() - quote - 2);
  if (body.find('"') != std::string::npos) return;
  // A field of an f-string may hold strings of its own, which then need the other quotes.
  if ((raw || atom.formatted) && body.find('\'') != std::string::npos) return;
  std::string out;
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\\' && i + 1 < body.size()) {
      if (body[i + 1] != '\'') out += '\\';
      out += body[++i];
    } else {
      out += body[i];
    }
  }
  text = text.substr(0, quote) + '"' + (raw ? body : out) + '"';
}

}  // namespace

void space_out(std::span<Atom> atoms, std::vector<bool>& space_before) {
  for (Atom& atom : atoms)
    if (atom.kind == TokenKind::string) prefer_double_quotes(atom);
  Spacing(atoms, space_before).run();
}

bool begins_resource(TokenKind kind) {
  return kind >= TokenKind::domain && kind <= TokenKind::schema;
}

bool begins_header(TokenKind kind) {
  switch (kind) {
    case TokenKind::if_:
    case TokenKind::elif:
    case TokenKind::else_:
    case TokenKind::for_:
    case TokenKind::while_:
    case TokenKind::try_:
    case TokenKind::except:
    case TokenKind::finally:
    case TokenKind::def:
    case TokenKind::lifecycle:
      return true;
    default:  // of the other tokens, those that declare
      return begins_resource(kind);
  }
}

std::size_t header_end(std::span<const Atom> atoms) {
  if (atoms.empty() || !begins_header(atoms.front().kind)) return atoms.size();
  std::size_t depth = 0;
  std::size_t lambdas = 0;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    const TokenKind kind = atoms[i].kind;
    if (is_opener(kind)) ++depth;
    if (is_closer(kind)) --depth;
    if (depth != 0) continue;
    if (kind == TokenKind::lambda) ++lambdas;
    if (kind == TokenKind::colon && lambdas-- == 0) return i;
  }
  return atoms.size();
}

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace hv::lang
