// From the atoms of a statement to its lines: brackets become groups; a group stands on one line
// where it fits, else one item a line; a comment or the writer's own line breaks force the latter.
#include "lang/format_layout.h"

#include <algorithm>

#include "base/check.h"
#include "lang/format.h"

namespace hv::lang {

namespace {

constexpr unsigned kIndent = 4;

bool is_opener(TokenKind kind) {
  return kind == TokenKind::left_paren || kind == TokenKind::left_bracket ||
         kind == TokenKind::left_brace;
}
bool is_closer(TokenKind kind) {
  return kind == TokenKind::right_paren || kind == TokenKind::right_bracket ||
         kind == TokenKind::right_brace;
}

// How much room a text takes on the line where it begins.
struct Extent {
  std::size_t width = 0;
  bool goes_on = false;  // it has a line end of its own, so what follows is on another line

  void add(Extent other) {
    if (goes_on) return;
    width += other.width;
    goes_on = other.goes_on;
  }
};

Extent extent_of(std::string_view text) {
  const std::size_t end = text.find('\n');
  return {lang::width(text.substr(0, end)), end != text.npos};
}

// A token, or brackets with all between them.
struct Node {
  std::size_t atom = 0;   // the token, or the opening bracket
  std::size_t close = 0;  // 0: a token
  std::vector<Node> children;
  bool list = false;  // commas divide it, or may
  bool comprehension = false;
  bool stiff = false;        // a type or a subscript: no line breaks but for a comment
  bool drops_comma = false;  // the comma at its end means nothing
  bool breaks = false;       // must not stand on one line
  bool hugs = false;         // holds one group only: `f([` … `])`
  Extent flat;

  bool group() const { return close != 0; }
};
using Nodes = std::span<const Node>;

// The weakest operator is where a long expression is divided first.
enum class Strength : uint8_t {
  clause,       // for, if of a comprehension
  conditional,  // if, else
  or_,
  and_,
  comparison,
  bit_or,
  bit_xor,
  bit_and,
  shift,
  sum,
  product,
  juxtaposed,  // strings side by side
  none,
};

Strength strength(TokenKind kind) {
  switch (kind) {
    case TokenKind::or_:
      return Strength::or_;
    case TokenKind::and_:
      return Strength::and_;
    case TokenKind::in:
    case TokenKind::not_in:
    case TokenKind::is:
    case TokenKind::is_not:
    case TokenKind::less:
    case TokenKind::less_equal:
    case TokenKind::greater:
    case TokenKind::greater_equal:
    case TokenKind::equal:
    case TokenKind::not_equal:
    case TokenKind::less_greater:
      return Strength::comparison;
    case TokenKind::bar:
      return Strength::bit_or;
    case TokenKind::caret:
      return Strength::bit_xor;
    case TokenKind::ampersand:
      return Strength::bit_and;
    case TokenKind::shift_left:
    case TokenKind::shift_right:
      return Strength::shift;
    case TokenKind::plus:
    case TokenKind::minus:
      return Strength::sum;
    case TokenKind::star:
    case TokenKind::slash:
    case TokenKind::slash_slash:
    case TokenKind::percent:
      return Strength::product;
    default:  // no operator at which a line is divided
      return Strength::none;
  }
}

class Tree {
 public:
  Tree(std::span<Atom> atoms, const std::vector<bool>& space) : atoms_(atoms), space_(space) {}

  std::vector<Node> build() {
    std::size_t at = 0;
    std::vector<Node> nodes = build_until_closer(at);
    HV_CHECK(at == atoms_.size(), "brackets of a sound statement do not match");
    return nodes;
  }

 private:
  std::vector<Node> build_until_closer(std::size_t& at) {
    std::vector<Node> nodes;
    while (at < atoms_.size() && !is_closer(atoms_[at].kind)) {
      Node node;
      node.atom = at++;
      if (is_opener(atoms_[node.atom].kind)) {
        node.children = build_until_closer(at);
        node.close = at++;
        judge(node);
      } else {
        node.flat = extent_of(atoms_[node.atom].text);
      }
      nodes.push_back(std::move(node));
    }
    return nodes;
  }

  bool comma(const Node& node) const {
    return !node.group() && atoms_[node.atom].kind == TokenKind::comma;
  }
  std::size_t last_atom(const Node& node) const { return node.group() ? node.close : node.atom; }

  void judge(Node& group) {
    const TokenKind open = atoms_[group.atom].kind;
    const bool operand_before = group.atom > 0 && !space_[group.atom] &&
                                !is_opener(atoms_[group.atom - 1].kind) &&
                                atoms_[group.atom - 1].kind != TokenKind::comma;
    const bool call = open == TokenKind::left_paren && operand_before && applies(group.atom - 1);
    const bool subscript =
        open == TokenKind::left_bracket && operand_before && applies(group.atom - 1);
    group.stiff = subscript || atoms_[group.atom].type;
    std::size_t commas = 0, lambdas = 0;
    for (const Node& child : group.children) {
      if (child.group()) continue;
      const TokenKind kind = atoms_[child.atom].kind;
      if (kind == TokenKind::lambda) ++lambdas;
      if (kind == TokenKind::colon && lambdas > 0) --lambdas;
      if (kind == TokenKind::for_) group.comprehension = true;
      if (kind == TokenKind::comma && lambdas == 0) ++commas;
    }
    const bool filled = !group.children.empty();
    group.list = filled && !group.stiff && !group.comprehension &&
                 (commas > 0 || call || open != TokenKind::left_paren);
    const bool ends_in_comma = filled && comma(group.children.back());
    const bool needs_comma = open == TokenKind::left_paren && !call && commas == 1;
    group.drops_comma = group.list && ends_in_comma && !needs_comma;
    const std::size_t items = group.children.size() - (group.drops_comma ? 1 : 0);
    group.hugs = filled && !group.stiff && items == 1 && group.children[0].group() &&
                 group.children[0].list && quiet(group);
    group.breaks = must_break(group, call);
    measure(group, items);
  }

  // Whether the bracket behind `at` belongs to it: a call or a subscript.
  bool applies(std::size_t at) const {
    switch (atoms_[at].kind) {
      case TokenKind::name:
      case TokenKind::string:
      case TokenKind::integer:
      case TokenKind::floating:
      case TokenKind::size:
      case TokenKind::duration:
      case TokenKind::none:
      case TokenKind::true_:
      case TokenKind::false_:
      case TokenKind::right_paren:
      case TokenKind::right_bracket:
      case TokenKind::right_brace:
      case TokenKind::backquote:
        return true;
      default:  // an operator or a word
        return false;
    }
  }

  // No comment and no line break of the writer's between a group and the one group in it.
  bool quiet(const Node& group) const {
    const Node& inner = group.children[0];
    return atoms_[group.atom].after.empty() && atoms_[inner.atom].before.empty() &&
           !atoms_[inner.atom].newline_before && atoms_[inner.close].after.empty() &&
           atoms_[group.close].before.empty() && atoms_[group.close - 1].after.empty() &&
           atoms_[group.close - 1].before.empty();
  }

  bool must_break(const Node& group, bool call) const {
    if (!atoms_[group.atom].after.empty() || !atoms_[group.close].before.empty()) return true;
    bool item_begins = true;
    bool first = true;
    for (const Node& child : group.children) {
      const Atom& atom = atoms_[child.atom];
      if (!atom.before.empty() || !atoms_[last_atom(child)].after.empty() || child.breaks)
        return true;
      if (group.list && item_begins && atom.newline_before && (first || !call) && !comma(child))
        return true;
      item_begins = comma(child);
      first = false;
    }
    return false;
  }

  void measure(Node& group, std::size_t items) const {
    group.flat = extent_of(atoms_[group.atom].text);
    for (std::size_t i = 0; i < items; ++i) {
      const Node& child = group.children[i];
      if (space_[child.atom]) group.flat.add({1, false});
      group.flat.add(child.flat);
    }
    group.flat.add(extent_of(atoms_[group.close].text));
  }

  std::span<Atom> atoms_;
  const std::vector<bool>& space_;
};

class Layout {
 public:
  Layout(std::span<Atom> atoms, unsigned depth) : atoms_(atoms), indent_(depth * kIndent) {
    // What stands on the next lines of a header must not look like its block.
    continued_ = indent_ + (begins_header(atoms[0].kind) ? 2 * kIndent : kIndent);
  }

  std::vector<LaidLine> run() {
    move_comments_off_commas();
    space_out(atoms_, space_);
    const std::vector<Node> nodes = Tree(atoms_, space_).build();
    open_line(indent_);
    print(nodes, continued_, {});
    close_line();
    if (atoms_.size() > 2 && atoms_[0].kind == TokenKind::name &&
        atoms_[1].kind == TokenKind::assign && lines_.size() == 1)
      lines_[0].align_at = indent_ + atoms_[0].text.size();
    return std::move(lines_);
  }

 private:
  // A comma goes with what stands before it, the comments between them behind it.
  void move_comments_off_commas() {
    for (std::size_t i = 1; i + 1 < atoms_.size(); ++i) {
      Atom& comma = atoms_[i];
      if (comma.kind != TokenKind::comma) continue;
      Atom& item = atoms_[i - 1];
      Atom& next = atoms_[i + 1];
      std::vector<Aside> down = std::move(comma.before);
      comma.before.clear();
      if (!item.after.empty()) {
        if (!comma.after.empty()) down.push_back({comma.after});
        comma.after = item.after;
        item.after = {};
      }
      next.before.insert(next.before.begin(), down.begin(), down.end());
    }
  }

  void open_line(unsigned indent) {
    line_indent_ = indent;
    line_.assign(indent, ' ');
    line_width_ = indent;
    fresh_ = true;
  }
  void close_line() {
    lines_.push_back({line_, std::string(comment_), 0});
    comment_ = {};
  }
  void next_line(unsigned indent) {
    close_line();
    open_line(indent);
  }

  void write(std::string_view text) {
    for (;;) {
      const std::size_t end = text.find('\n');
      line_ += text.substr(0, end);
      line_width_ += lang::width(text.substr(0, end));
      if (end == text.npos) break;
      // Inside a string: its lines are as they are.
      lines_.push_back({line_, {}, 0});
      line_.clear();
      line_width_ = 0;
      text.remove_prefix(end + 1);
    }
    fresh_ = false;
  }

  void write_asides(const std::vector<Aside>& asides, unsigned indent, bool first_in_group) {
    for (const Aside& aside : asides) {
      if (aside.blanks > 0 && !first_in_group) lines_.push_back({});
      first_in_group = false;
      if (!fresh_) next_line(indent);
      write(aside.text);
      next_line(indent);
    }
  }

  // The comments above a token end the line before it.
  void break_for_comments(const Atom& atom, unsigned continued) {
    if (!comment_.empty()) next_line(continued);
    if (atom.before.empty()) return;
    if (!fresh_) next_line(continued);
    write_asides(atom.before, line_indent_, true);
  }

  void write_atom(std::size_t index, unsigned continued) {
    const Atom& atom = atoms_[index];
    break_for_comments(atom, continued);
    if (atom.backslash_before && bracket_depth_ == 0 && !fresh_) {
      line_ += " \\";
      next_line(continued);
    }
    if (space_[index] && !fresh_) write(" ");
    write(atom.text);
    comment_ = atom.after;
  }

  void write_flat(const Node& node, unsigned continued) {
    write_atom(node.atom, continued);
    if (!node.group()) return;
    ++bracket_depth_;
    const std::size_t items = node.children.size() - (node.drops_comma ? 1 : 0);
    for (std::size_t i = 0; i < items; ++i) write_flat(node.children[i], continued);
    --bracket_depth_;
    // What a dropped comma had behind it was a comment, and then this group is not flat.
    write_atom(node.close, continued);
  }

  static bool may_break(const Node& node) {
    return node.group() && !node.stiff && !node.children.empty();
  }

  // What must still fit behind nodes[i]: up to the next bracket that may be broken.
  Extent tail_of(Nodes nodes, std::size_t i, Extent tail) const {
    Extent room;
    for (++i; i < nodes.size(); ++i) {
      if (space_[nodes[i].atom]) room.add({1, false});
      if (may_break(nodes[i])) {
        room.add({1, true});
        return room;
      }
      room.add(nodes[i].flat);
      if (nodes[i].breaks) return {room.width, true};
    }
    room.add(tail);
    return room;
  }

  bool fits(Extent extent) const { return line_width_ + extent.width <= kFormatWidth; }

  void print(Nodes nodes, unsigned continued, Extent tail) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const Node& node = nodes[i];
      if (!node.group()) {
        write_atom(node.atom, continued);
        continue;
      }
      Extent needed{space_[node.atom] && !fresh_ ? std::size_t{1} : 0, false};
      needed.add(node.flat);
      needed.add(tail_of(nodes, i, tail));
      const bool on_one_line = !node.breaks && (!may_break(node) || fits(needed));
      if (on_one_line)
        write_flat(node, continued);
      else
        print_broken(node, continued, tail);
    }
  }

  void print_broken(const Node& group, unsigned continued, Extent tail) {
    write_atom(group.atom, continued);
    ++bracket_depth_;
    if (group.hugs) {
      Extent behind{1, false};
      behind.add(tail);
      print(Nodes(group.children).first(1), continued, behind);
    } else {
      const unsigned outer = line_indent_;
      const unsigned inner = outer + kIndent;
      if (!group.children.empty()) {
        next_line(inner);
        if (group.list)
          print_items(group, inner);
        else
          print_expression(group.children, inner);
      }
      print_closing_comments(group, inner);
      next_line(outer);
    }
    --bracket_depth_;
    const Atom& close = atoms_[group.close];
    write(close.text);
    comment_ = close.after;
  }

  void print_closing_comments(const Node& group, unsigned indent) {
    for (const Aside& aside : atoms_[group.close].before) {
      close_line();
      if (aside.blanks > 0 && !group.children.empty()) lines_.push_back({});
      open_line(indent);
      write(aside.text);
    }
  }

  void print_items(const Node& group, unsigned indent) {
    const Nodes children = group.children;
    std::size_t begin = 0;
    std::size_t lambdas = 0;
    for (std::size_t i = 0; i <= children.size(); ++i) {
      if (i < children.size()) {
        if (children[i].group()) continue;
        const TokenKind kind = atoms_[children[i].atom].kind;
        if (kind == TokenKind::lambda) ++lambdas;
        if (kind == TokenKind::colon && lambdas > 0) --lambdas;
        if (kind != TokenKind::comma || lambdas > 0) continue;
      }
      if (begin == i) break;  // behind the last comma
      if (begin > 0) next_line(indent);
      const Atom& first = atoms_[children[begin].atom];
      if (begin > 0 && first.blanks_before > 0 && lines_.back().text != "") lines_.push_back({});
      print_item(children.subspan(begin, i - begin), indent);
      write(",");
      if (i < children.size() && !atoms_[children[i].atom].after.empty())
        comment_ = atoms_[children[i].atom].after;
      begin = i + 1;
    }
  }

  void print_item(Nodes nodes, unsigned indent) {
    write_asides(atoms_[nodes[0].atom].before, indent, true);
    atoms_[nodes[0].atom].before.clear();
    const Strength weakest = weakest_in(nodes);
    const bool may_break_group = std::any_of(nodes.begin(), nodes.end(), may_break);
    if (fits_flat(nodes, {1, false}) || weakest == Strength::none ||
        (may_break_group && weakest != Strength::juxtaposed))
      print(nodes, indent + kIndent, {1, false});
    else
      print_divided(nodes, weakest, indent + kIndent, {1, false});
  }

  // Between brackets that no comma divides.
  void print_expression(Nodes nodes, unsigned indent) {
    write_asides(atoms_[nodes[0].atom].before, indent, true);
    atoms_[nodes[0].atom].before.clear();
    const Strength weakest = weakest_in(nodes);
    if (fits_flat(nodes, {}) || weakest == Strength::none)
      print(nodes, indent, {});
    else
      print_divided(nodes, weakest, indent, {});
  }

  bool fits_flat(Nodes nodes, Extent tail) const {
    Extent all;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].breaks) return false;
      if (i > 0 && space_[nodes[i].atom]) all.add({1, false});
      all.add(nodes[i].flat);
    }
    all.add(tail);
    // With a line end inside a string, what follows it may still have to be broken.
    return !all.goes_on && fits(all);
  }

  Strength strength_at(Nodes nodes, std::size_t i) const {
    if (i == 0 || nodes[i].group()) return Strength::none;
    const TokenKind kind = atoms_[nodes[i].atom].kind;
    const Node& before = nodes[i - 1];
    const TokenKind last = atoms_[before.group() ? before.close : before.atom].kind;
    if (kind == TokenKind::string)
      return last == TokenKind::string ? Strength::juxtaposed : Strength::none;
    if (kind == TokenKind::for_) return Strength::clause;
    if (kind == TokenKind::if_ || kind == TokenKind::else_) {
      const bool clause = std::any_of(
          nodes.begin(), nodes.begin() + static_cast<ptrdiff_t>(i), [&](const Node& node) {
            return !node.group() && atoms_[node.atom].kind == TokenKind::for_;
          });
      return clause && kind == TokenKind::if_ ? Strength::clause : Strength::conditional;
    }
    // A sign before an operand divides nothing; neither does the `in` of a `for`.
    const bool operand = before.group() || strength(last) == Strength::none;
    if (!operand || last == TokenKind::assign || last == TokenKind::colon ||
        last == TokenKind::comma || last == TokenKind::not_ || last == TokenKind::star_star ||
        last == TokenKind::tilde)
      return Strength::none;
    return strength(kind);
  }

  Strength weakest_in(Nodes nodes) const {
    Strength weakest = Strength::none;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (!nodes[i].group() && atoms_[nodes[i].atom].kind == TokenKind::lambda) break;
      weakest = std::min(weakest, strength_at(nodes, i));
    }
    return weakest;
  }

  void print_divided(Nodes nodes, Strength at, unsigned indent, Extent tail) {
    std::size_t begin = 0;
    bool lambda = false;
    for (std::size_t i = 1; i <= nodes.size(); ++i) {
      lambda =
          lambda || (!nodes[i - 1].group() && atoms_[nodes[i - 1].atom].kind == TokenKind::lambda);
      const bool end = i == nodes.size();
      if (!end && (lambda || strength_at(nodes, i) != at)) continue;
      if (begin > 0) next_line(indent);
      print(nodes.subspan(begin, i - begin), indent + kIndent, end ? tail : Extent{});
      begin = i;
    }
  }

  std::span<Atom> atoms_;
  std::vector<bool> space_;
  unsigned indent_;
  unsigned continued_;
  std::vector<LaidLine> lines_;

  std::string line_;
  std::size_t line_width_ = 0;
  unsigned line_indent_ = 0;
  bool fresh_ = true;  // nothing but indentation on the line yet
  std::string_view comment_;
  unsigned bracket_depth_ = 0;
};

}  // namespace

std::vector<LaidLine> lay_out(std::span<Atom> atoms, unsigned depth) {
  return Layout(atoms, depth).run();
}

}  // namespace hv::lang
