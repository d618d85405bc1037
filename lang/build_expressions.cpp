// Expressions: a flat run of operands and operators becomes a tree by Python's precedence. Longer
// than other files, so that the generated header, slow to compile, is read by three files and no
// more.
#include <algorithm>

#include "VmParser.h"
#include "lang/builder.h"
#include "lang/numbers.h"
#include "lang/strings.h"

namespace hv::lang {

namespace {

// Python's levels, loose to tight.
constexpr int kOr = 1, kAnd = 2, kNot = 3, kComparison = 4, kBitOr = 5, kBitXor = 6, kBitAnd = 7,
              kShift = 8, kSum = 9, kProduct = 10, kSign = 11, kPower = 12;

struct Operator {
  int level = 0;
  BinaryOp binary{};
  CompareOp compare{};
};

Operator operator_of(TokenKind kind) {
  switch (kind) {
    case TokenKind::or_:
      return {kOr, {}, {}};
    case TokenKind::and_:
      return {kAnd, {}, {}};
    case TokenKind::in:
      return {kComparison, {}, CompareOp::in};
    case TokenKind::not_in:
      return {kComparison, {}, CompareOp::not_in};
    case TokenKind::is:
      return {kComparison, {}, CompareOp::is};
    case TokenKind::is_not:
      return {kComparison, {}, CompareOp::is_not};
    case TokenKind::less:
      return {kComparison, {}, CompareOp::less};
    case TokenKind::less_equal:
      return {kComparison, {}, CompareOp::less_equal};
    case TokenKind::greater:
      return {kComparison, {}, CompareOp::greater};
    case TokenKind::greater_equal:
      return {kComparison, {}, CompareOp::greater_equal};
    case TokenKind::equal:
      return {kComparison, {}, CompareOp::equal};
    case TokenKind::not_equal:
    case TokenKind::less_greater:
      return {kComparison, {}, CompareOp::not_equal};
    case TokenKind::bar:
      return {kBitOr, BinaryOp::bit_or, {}};
    case TokenKind::caret:
      return {kBitXor, BinaryOp::bit_xor, {}};
    case TokenKind::ampersand:
      return {kBitAnd, BinaryOp::bit_and, {}};
    case TokenKind::shift_left:
      return {kShift, BinaryOp::shift_left, {}};
    case TokenKind::shift_right:
      return {kShift, BinaryOp::shift_right, {}};
    case TokenKind::plus:
      return {kSum, BinaryOp::add, {}};
    case TokenKind::minus:
      return {kSum, BinaryOp::subtract, {}};
    case TokenKind::star:
      return {kProduct, BinaryOp::multiply, {}};
    case TokenKind::slash:
      return {kProduct, BinaryOp::divide, {}};
    case TokenKind::slash_slash:
      return {kProduct, BinaryOp::floor_divide, {}};
    case TokenKind::percent:
      return {kProduct, BinaryOp::modulo, {}};
    case TokenKind::star_star:
      return {kPower, BinaryOp::power, {}};
    default:  // the grammar lets no other token stand between operands
      HV_CHECK(false, "an operator the grammar does not know");
      return {};
  }
}

// Where an operand began before its prefixes or brackets: a parenthesised node's span leaves its
// brackets out, an operation's must not.
uint32_t outer_begin(antlr4::Token* token) {
  return static_cast<uint32_t>(token->getStartIndex());
}

}  // namespace

// The operands and operators of one `operation`, with a cursor.
struct OperationRun {
  const std::vector<antlr4::Token*>& prefixes;
  const std::vector<VmParser::PrimaryContext*>& operands;
  const std::vector<antlr4::Token*>& operators;
  std::size_t prefix = 0, operand = 0, operator_ = 0;
  unsigned depth = 0;

  uint32_t next_begin() const {
    const uint32_t primary = outer_begin(operands[operand]->start);
    if (prefix == prefixes.size()) return primary;
    return std::min(primary, static_cast<uint32_t>(prefixes[prefix]->getStartIndex()));
  }
  // The end of the operand read last, its brackets included.
  uint32_t last_end() const {
    return static_cast<uint32_t>(operands[operand - 1]->stop->getStopIndex() + 1);
  }
};

// ---- nodes ------------------------------------------------------------------------------------

Span Builder::span_of(antlr4::Token* token) const {
  return {tree_.file, static_cast<uint32_t>(token->getStartIndex()),
          static_cast<uint32_t>(token->getStopIndex() + 1)};
}

Span Builder::span_of(Context* context) const {
  return join(span_of(context->start), span_of(context->stop));
}

TokenKind Builder::kind_of(antlr4::Token* token) const {
  return static_cast<TokenKind>(token->getType());
}

std::string_view Builder::keep(std::string_view text) {
  if (text.empty()) return {};
  char* copy = static_cast<char*>(tree_.arena().allocate(text.size(), 1));
  std::copy(text.begin(), text.end(), copy);
  return {copy, text.size()};
}

Diagnostic& Builder::report(Code code, Span span, std::string message) {
  failed_ = true;
  return diagnostics_.report(code, span, std::move(message));
}

void Builder::refuse_depth(Span span) {
  failed_ = true;
  if (!too_deep_)
    report(Code::nesting_too_deep, span, "this expression is nested too deep").help =
        "build it in several statements";
  too_deep_ = true;
}

void Builder::holds(Expr* parent, const Expr* child) {
  if (child == nullptr || child->height < parent->height) return;
  if (child->height >= kMaxHeight) {
    refuse_depth(parent->span);
    return;
  }
  parent->height = static_cast<uint16_t>(child->height + 1);
}

// ---- expressions ------------------------------------------------------------------------------

Expr* Builder::expressions(Context* context) {
  auto* list_context = static_cast<VmParser::ExpressionsContext*>(context);
  if (list_context->items.size() == 1 && list_context->trailing == nullptr) {
    Expr* only = element(list_context->items.front());
    if (only->kind == ExprKind::star)
      report(Code::bad_target, only->span, "`*` stands only in a list, a tuple or a call");
    return only;
  }
  std::vector<const Expr*> items;
  auto* tuple = expr<SequenceExpr>(ExprKind::tuple, span_of(context));
  for (auto* item : list_context->items) {
    items.push_back(element(item));
    holds(tuple, items.back());
  }
  tuple->items = list(items);
  return tuple;
}

Expr* Builder::element(Context* context) {
  auto* item = static_cast<VmParser::ElementContext*>(context);
  Expr* value = expression(item->value);
  if (item->star == nullptr) return value;
  auto* star = expr<StarExpr>(ExprKind::star, span_of(context));
  star->operand = value;
  holds(star, value);
  return star;
}

Expr* Builder::expression(Context* context) {
  // `a if b else c if d else e` nests to the right as deep as it is long: no recursion.
  auto* at = static_cast<VmParser::ExpressionContext*>(context);
  std::vector<VmParser::ExpressionContext*> choices;
  while (at->lambda_ == nullptr && at->condition != nullptr) {
    choices.push_back(at);
    at = at->otherwise;
  }
  Expr* value = at->lambda_ != nullptr ? lambda(at->lambda_) : operation(at->value);
  for (; !choices.empty(); choices.pop_back()) {
    auto* choice = choices.back();
    auto* node = expr<ConditionalExpr>(ExprKind::conditional, span_of(choice));
    node->value = operation(choice->value);
    node->condition = operation(choice->condition);
    node->otherwise = value;
    holds(node, node->value);
    holds(node, node->condition);
    holds(node, node->otherwise);
    value = node;
  }
  return value;
}

Expr* Builder::lambda(Context* context) {
  auto* from = static_cast<VmParser::LambdaContext*>(context);
  auto* node = expr<LambdaExpr>(ExprKind::lambda, span_of(context));
  std::vector<Parameter> found;
  for (auto* parameter_context : from->parameters) {
    found.push_back(lambda_parameter(parameter_context));
    holds(node, found.back().default_value);
    holds(node, found.back().pattern);
  }
  node->parameters = parameters(found);
  node->body = expression(from->body);
  holds(node, node->body);
  return node;
}

Expr* Builder::operation(Context* context) {
  auto* from = static_cast<VmParser::OperationContext*>(context);
  if (from->operators.empty() && from->prefixes.empty()) return primary(from->operands.front());
  OperationRun operands{from->prefixes, from->operands, from->operators};
  return run(operands, kOr);
}

// Reads operands and the operators between them down to level `least`.
Expr* Builder::run(OperationRun& run_, int least) {
  const uint32_t begin = run_.next_begin();
  Expr* left = run_operand(run_, least);
  const auto here = [&] { return Span{tree_.file, begin, run_.last_end()}; };
  while (run_.operator_ < run_.operators.size()) {
    antlr4::Token* token = run_.operators[run_.operator_];
    const Operator op = operator_of(kind_of(token));
    if (op.level < least) break;
    if (op.level == kOr || op.level == kAnd) {
      std::vector<const Expr*> operands{left};
      const TokenKind word = kind_of(token);
      while (run_.operator_ < run_.operators.size() &&
             kind_of(run_.operators[run_.operator_]) == word) {
        ++run_.operator_;
        operands.push_back(run(run_, op.level + 1));
      }
      auto* node = expr<LogicalExpr>(ExprKind::logical, here());
      node->op = op.level == kOr ? LogicalOp::or_ : LogicalOp::and_;
      for (const Expr* operand : operands) holds(node, operand);
      node->operands = list(operands);
      left = node;
    } else if (op.level == kComparison) {
      std::vector<ComparisonPart> rest;
      auto* node = expr<ComparisonExpr>(ExprKind::comparison, {});
      while (run_.operator_ < run_.operators.size()) {
        antlr4::Token* sign = run_.operators[run_.operator_];
        const Operator part = operator_of(kind_of(sign));
        if (part.level != kComparison) break;
        ++run_.operator_;
        const Expr* operand = run(run_, kComparison + 1);
        rest.push_back(
            {part.compare, kind_of(sign) == TokenKind::less_greater, span_of(sign), operand});
        holds(node, operand);
      }
      node->span = here();
      node->first = left;
      holds(node, left);
      node->rest = list(rest);
      left = node;
    } else {
      ++run_.operator_;
      // `**` takes a sign on its right, and groups to the right.
      if (++run_.depth > kMaxHeight) {
        refuse_depth(span_of(token));
        return left;
      }
      const Expr* right = run(run_, op.level == kPower ? kSign : op.level + 1);
      --run_.depth;
      auto* node = expr<BinaryExpr>(ExprKind::binary, here());
      node->op = op.binary;
      node->op_span = span_of(token);
      node->left = left;
      node->right = right;
      holds(node, left);
      holds(node, right);
      left = node;
    }
  }
  return left;
}

// One operand with the prefixes before it.
Expr* Builder::run_operand(OperationRun& run_, int least) {
  antlr4::Token* prefix = run_.prefix < run_.prefixes.size() ? run_.prefixes[run_.prefix] : nullptr;
  if (prefix == nullptr ||
      prefix->getStartIndex() > run_.operands[run_.operand]->start->getStartIndex())
    return primary(run_.operands[run_.operand++]);
  ++run_.prefix;
  const TokenKind kind = kind_of(prefix);
  const int level = kind == TokenKind::not_ ? kNot : kSign;
  if (level < least)
    report(Code::syntax_error, span_of(prefix), "`not` binds looser than the operator before it")
        .help = "write brackets: `(not …)`";
  if (++run_.depth > kMaxHeight) {
    refuse_depth(span_of(prefix));
    run_.prefix = run_.prefixes.size();
    return primary(run_.operands[run_.operand++]);
  }
  const Expr* operand = run(run_, level);
  --run_.depth;
  auto* node = expr<UnaryExpr>(
      ExprKind::unary,
      {tree_.file, static_cast<uint32_t>(prefix->getStartIndex()), run_.last_end()});
  node->op = kind == TokenKind::not_    ? UnaryOp::not_
             : kind == TokenKind::minus ? UnaryOp::minus
             : kind == TokenKind::plus  ? UnaryOp::plus
                                        : UnaryOp::invert;
  node->operand = operand;
  holds(node, operand);
  return node;
}

Expr* Builder::targets(Context* context) {
  auto* from = static_cast<VmParser::TargetsContext*>(context);
  if (from->items.size() == 1 && from->trailing == nullptr) {
    Expr* only = target(from->items.front());
    check_target(only, false, "loop over");
    return only;
  }
  std::vector<const Expr*> items;
  auto* tuple = expr<SequenceExpr>(ExprKind::tuple, span_of(context));
  for (auto* item : from->items) {
    items.push_back(target(item));
    holds(tuple, items.back());
  }
  tuple->items = list(items);
  check_target(tuple, false, "loop over");
  return tuple;
}

Expr* Builder::target(Context* context) {
  auto* from = static_cast<VmParser::TargetContext*>(context);
  Expr* value = primary(from->value);
  if (from->star == nullptr) return value;
  auto* star = expr<StarExpr>(ExprKind::star, span_of(context));
  star->operand = value;
  holds(star, value);
  return star;
}

Expr* Builder::primary(Context* context) {
  auto* from = static_cast<VmParser::PrimaryContext*>(context);
  Expr* value = nullptr;
  if (from->simple != nullptr) {
    value = simple(from->simple);
  } else if (from->literal != nullptr) {
    std::size_t at = from->literal->getLine();
    value = plain_value(at);
  } else if (from->text != nullptr) {
    value = strings(from->text);
  } else if (from->round != nullptr) {
    value = paren(from->round);
  } else if (from->square != nullptr) {
    value = list_display(from->square);
  } else if (from->curly != nullptr) {
    value = brace_display(from->curly);
  } else {
    auto* node = expr<ReprExpr>(ExprKind::repr, span_of(from->quoted));
    node->operand = expressions(from->quoted->value);
    holds(node, node->operand);
    value = node;
  }
  const uint32_t begin = outer_begin(context->start);
  for (auto* part : from->trailers) {
    value = trailer(value, part);
    value->span.begin = begin;
  }
  return value;
}

Expr* Builder::trailer(Expr* object, Context* context) {
  auto* from = static_cast<VmParser::TrailerContext*>(context);
  const Span span = join(object->span, span_of(context));
  if (from->dot != nullptr) {
    auto* node = expr<AttributeExpr>(ExprKind::attribute, span);
    node->object = object;
    node->name = text_of(from->name);
    node->name_span = span_of(from->name);
    holds(node, object);
    return node;
  }
  if (from->indices.empty()) return call(object, context);
  auto* node = expr<SubscriptExpr>(ExprKind::subscript, span);
  node->object = object;
  if (from->indices.size() == 1 && from->trailing == nullptr) {
    node->index = index(from->indices.front());
  } else {
    auto* tuple = expr<SequenceExpr>(
        ExprKind::tuple, join(span_of(from->indices.front()), span_of(from->indices.back())));
    std::vector<const Expr*> items;
    for (auto* part : from->indices) {
      items.push_back(index(part));
      holds(tuple, items.back());
    }
    tuple->items = list(items);
    node->index = tuple;
  }
  holds(node, object);
  holds(node, node->index);
  return node;
}

Expr* Builder::call(Expr* callee, Context* context) {
  auto* from = static_cast<VmParser::TrailerContext*>(context);
  auto* node = expr<CallExpr>(ExprKind::call, join(callee->span, span_of(context)));
  node->callee = callee;
  holds(node, callee);
  std::vector<Argument> arguments;
  bool named_before = false;
  for (auto* argument : from->arguments) {
    Argument made{};
    made.span = span_of(argument);
    const Expr* value = expression(argument->value);
    if (argument->stars != nullptr) {
      made.kind =
          kind_of(argument->stars) == TokenKind::star ? ArgumentKind::args : ArgumentKind::kwargs;
    } else if (argument->equals != nullptr) {
      made.kind = ArgumentKind::keyword;
      if (const auto* name = try_as<NameExpr>(value); name != nullptr && !name->parenthesized) {
        made.name = name->name;
        made.name_span = name->span;
      } else {
        report(Code::bad_arguments, value->span, "only a name stands before `=` in a call").help =
            "`==` compares";
      }
      for (const Argument& other : arguments)
        if (other.kind == ArgumentKind::keyword && other.name == made.name && !made.name.empty())
          report(Code::bad_arguments, made.name_span,
                 "`" + std::string(made.name) + "` is given twice in this call")
              .related.push_back({other.name_span, "first here"});
      value = expression(argument->named);
    } else if (!argument->fors.empty()) {
      made.kind = ArgumentKind::positional;
      if (from->arguments.size() > 1)
        report(Code::bad_arguments, made.span, "a generator beside other arguments needs brackets");
      value =
          comprehension(ComprehensionForm::generator, nullptr, value, made.span, argument->fors);
    } else {
      made.kind = ArgumentKind::positional;
      if (named_before)
        report(Code::bad_arguments, made.span, "this argument stands behind one with a name").help =
            "arguments without a name come first";
    }
    named_before =
        named_before || made.kind == ArgumentKind::keyword || made.kind == ArgumentKind::kwargs;
    made.value = value;
    holds(node, value);
    arguments.push_back(made);
  }
  node->arguments = list(arguments);
  return node;
}

Expr* Builder::index(Context* context) {
  auto* from = static_cast<VmParser::IndexContext*>(context);
  Expr* lower = from->lower != nullptr ? expression(from->lower) : nullptr;
  if (from->colon == nullptr) return lower;
  auto* node = expr<SliceExpr>(ExprKind::slice, span_of(context));
  node->lower = lower;
  if (from->upper != nullptr) node->upper = expression(from->upper);
  if (from->step != nullptr) node->step = expression(from->step);
  holds(node, node->lower);
  holds(node, node->upper);
  holds(node, node->step);
  return node;
}

Expr* Builder::simple(antlr4::Token* token) {
  return simple(kind_of(token), span_of(token));
}

Expr* Builder::simple(TokenKind kind, Span span) {
  const std::string_view spelling = text_of(span);
  if (kind == TokenKind::name) {
    auto* node = expr<NameExpr>(ExprKind::name, span);
    node->name = spelling;
    return node;
  }
  if (kind == TokenKind::none || kind == TokenKind::true_ || kind == TokenKind::false_) {
    auto* node = expr<ConstantExpr>(ExprKind::constant, span);
    node->value = kind == TokenKind::none    ? Constant::none
                  : kind == TokenKind::true_ ? Constant::true_
                                             : Constant::false_;
    return node;
  }
  const Number number = read_number(spelling);
  if (kind == TokenKind::floating) {
    auto* node = expr<FloatExpr>(ExprKind::floating, span);
    node->value = number.floating;
    node->spelling = spelling;
    return node;
  }
  if (kind == TokenKind::size) {
    auto* node = expr<SizeExpr>(ExprKind::size, span);
    node->value = number.size;
    node->spelling = spelling;
    return node;
  }
  if (kind == TokenKind::duration) {
    auto* node = expr<DurationExpr>(ExprKind::duration, span);
    node->value = number.duration;
    node->spelling = spelling;
    return node;
  }
  auto* node = expr<IntegerExpr>(ExprKind::integer, span);
  node->value = number.integer;
  node->spelling = spelling;
  node->digits = number.digits;
  if (number.underscored) {
    std::string digits(number.digits);
    std::erase(digits, '_');
    node->digits = keep(digits);
  }
  node->radix = number.radix;
  node->legacy_octal = number.legacy_octal;
  node->long_suffix = number.long_suffix;
  return node;
}

template <typename Fors>
Expr* Builder::comprehension(ComprehensionForm form, const Expr* key, const Expr* value, Span span,
                             const Fors& fors) {
  auto* node = expr<ComprehensionExpr>(ExprKind::comprehension, span);
  node->form = form;
  node->key = key;
  node->value = value;
  holds(node, key);
  holds(node, value);
  std::vector<ComprehensionFor> made;
  for (auto* part : fors) {
    if constexpr (std::is_same_v<decltype(part), VmParser::ListForContext*>)
      made.push_back(list_for(part));
    else
      made.push_back(comprehension_for(part));
    holds(node, made.back().target);
    holds(node, made.back().iterable);
    for (const Expr* condition : made.back().conditions) holds(node, condition);
  }
  node->fors = list(made);
  return node;
}

ComprehensionFor Builder::comprehension_for(Context* context) {
  auto* from = static_cast<VmParser::ComprehensionForContext*>(context);
  ComprehensionFor made{};
  made.span = span_of(context);
  made.target = targets(from->bound);
  made.iterable = operation(from->iterable);
  std::vector<const Expr*> conditions;
  for (auto* condition : from->conditions) conditions.push_back(operation(condition));
  made.conditions = list(conditions);
  return made;
}

ComprehensionFor Builder::list_for(Context* context) {
  auto* from = static_cast<VmParser::ListForContext*>(context);
  ComprehensionFor made{};
  made.span = span_of(context);
  made.target = targets(from->bound);
  if (from->iterables.size() == 1) {
    made.iterable = operation(from->iterables.front());
  } else {
    auto* tuple = expr<SequenceExpr>(
        ExprKind::tuple, join(span_of(from->iterables.front()), span_of(from->iterables.back())));
    std::vector<const Expr*> items;
    for (auto* item : from->iterables) {
      items.push_back(operation(item));
      holds(tuple, items.back());
    }
    tuple->items = list(items);
    made.iterable = tuple;
  }
  std::vector<const Expr*> conditions;
  for (auto* condition : from->conditions) conditions.push_back(operation(condition));
  made.conditions = list(conditions);
  return made;
}

Expr* Builder::paren(Context* context) {
  auto* from = static_cast<VmParser::ParenContext*>(context);
  const Span span = span_of(context);
  if (!from->fors.empty()) {
    Expr* node = comprehension(ComprehensionForm::generator, nullptr, element(from->items.front()),
                               span, from->fors);
    node->parenthesized = true;
    return node;
  }
  if (from->items.size() == 1 && from->trailing == nullptr) {
    Expr* only = element(from->items.front());
    if (only->kind == ExprKind::star)
      report(Code::bad_target, only->span, "`*` stands only in a list, a tuple or a call");
    only->parenthesized = true;
    return only;
  }
  auto* tuple = expr<SequenceExpr>(ExprKind::tuple, span);
  tuple->parenthesized = true;
  std::vector<const Expr*> items;
  for (auto* item : from->items) {
    items.push_back(element(item));
    holds(tuple, items.back());
  }
  tuple->items = list(items);
  return tuple;
}

Expr* Builder::list_display(Context* context) {
  auto* from = static_cast<VmParser::ListDisplayContext*>(context);
  const Span span = span_of(context);
  if (!from->fors.empty())
    return comprehension(ComprehensionForm::list, nullptr, element(from->items.front()), span,
                         from->fors);
  auto* node = expr<SequenceExpr>(ExprKind::list, span);
  std::vector<const Expr*> items;
  for (auto* item : from->items) {
    items.push_back(element(item));
    holds(node, items.back());
  }
  node->items = list(items);
  return node;
}

Expr* Builder::brace_display(Context* context) {
  auto* from = static_cast<VmParser::BraceDisplayContext*>(context);
  const Span span = span_of(context);
  const auto is_pair = [&](VmParser::BraceItemContext* item) {
    return item->stars != nullptr ? kind_of(item->stars) == TokenKind::star_star
                                  : item->value != nullptr;
  };
  const bool dict = from->items.empty() || is_pair(from->items.front());
  for (auto* item : from->items)
    if (is_pair(item) != dict)
      report(Code::syntax_error, span_of(item),
             "keys with values and bare values stand side by side")
          .help = "a dict has `key: value` everywhere, a set nowhere";
  if (failed_) return expr<DictExpr>(ExprKind::dict, span);
  if (!from->fors.empty()) {
    auto* item = from->items.front();
    if (item->stars != nullptr)
      report(Code::syntax_error, span_of(item), "a comprehension cannot begin with `*`");
    const Expr* key = item->key != nullptr ? expression(item->key) : nullptr;
    const Expr* value = item->value != nullptr ? expression(item->value) : nullptr;
    return dict ? comprehension(ComprehensionForm::dict, key, value, span, from->fors)
                : comprehension(ComprehensionForm::set, nullptr, key, span, from->fors);
  }
  if (dict) {
    auto* node = expr<DictExpr>(ExprKind::dict, span);
    std::vector<DictItem> items;
    for (auto* item : from->items) {
      items.push_back(
          {item->key != nullptr ? expression(item->key) : nullptr, expression(item->value)});
      holds(node, items.back().key);
      holds(node, items.back().value);
    }
    node->items = list(items);
    return node;
  }
  auto* node = expr<SequenceExpr>(ExprKind::set, span);
  std::vector<const Expr*> items;
  for (auto* item : from->items) {
    Expr* value = expression(item->stars != nullptr ? item->value : item->key);
    if (item->stars != nullptr) {
      auto* star = expr<StarExpr>(ExprKind::star, span_of(item));
      star->operand = value;
      holds(star, value);
      value = star;
    }
    items.push_back(value);
    holds(node, value);
  }
  node->items = list(items);
  return node;
}

// ---- strings ----------------------------------------------------------------------------------

Expr* Builder::strings(Context* context) {
  auto* from = static_cast<VmParser::StringsContext*>(context);
  for (auto* part : from->parts)
    if (part->open != nullptr) return fstring(context);
  std::vector<Span> literals;
  for (auto* part : from->parts) literals.push_back(span_of(part));
  return plain_strings(literals);
}

// Literals that stand side by side, none of them an f-string.
Expr* Builder::plain_strings(const std::vector<Span>& literals) {
  auto* node = expr<StringExpr>(ExprKind::string, join(literals.front(), literals.back()));
  node->joined = literals.size() > 1;
  // Most strings hold no escape: then the value is the source itself.
  if (!node->joined) {
    const LiteralText literal = split_literal(text_of(literals.front()), literals.front().begin);
    const bool plain = literal.raw ? literal.body.find('\r') == literal.body.npos
                                   : literal.body.find_first_of("\\\r") == literal.body.npos;
    if (plain) {
      node->value = node->python2_value = literal.body;
      node->bytes_prefix = literal.bytes;
      node->unicode_prefix = literal.unicode;
      const auto size = static_cast<uint32_t>(literal.body.size());
      if (size != 0) {
        auto* piece = static_cast<StringPiece*>(
            tree_.arena().allocate(sizeof(StringPiece), alignof(StringPiece)));
        node->pieces = {
            new (piece) StringPiece{0, size, literal.body_begin, literal.body_begin + size}, 1};
      }
      return node;
    }
  }
  StringValue value;
  const std::size_t before = diagnostics_.size();
  for (const Span& span : literals) {
    const LiteralText literal = split_literal(text_of(span), span.begin);
    append_literal(literal, false, tree_.file, value, diagnostics_);
    node->bytes_prefix = node->bytes_prefix || literal.bytes;
    node->unicode_prefix = node->unicode_prefix || literal.unicode;
  }
  if (diagnostics_.size() != before) failed_ = true;
  node->value = keep(value.value);
  node->python2_value =
      value.python2_value == value.value ? node->value : keep(value.python2_value);
  node->pieces = list(value.pieces);
  return node;
}

Expr* Builder::fstring(Context* context) {
  auto* from = static_cast<VmParser::StringsContext*>(context);
  auto* node = expr<FStringExpr>(ExprKind::fstring, span_of(context));
  std::vector<FStringPart> parts;
  for (auto* part : from->parts) {
    if (part->plain != nullptr) {
      const Span span = span_of(part->plain);
      StringValue value;
      append_literal(split_literal(text_of(span), span.begin), false, tree_.file, value,
                     diagnostics_);
      FStringPart text{};
      text.span = span;
      text.text = keep(value.value);
      parts.push_back(text);
      continue;
    }
    const std::string_view prefix = text_of(part->open);
    const bool raw = prefix.find_first_of("rR") < prefix.find_first_of("\"'");
    fstring_pieces({part->pieces.begin(), part->pieces.end()}, raw, parts);
  }
  for (const FStringPart& part : parts) {
    holds(node, part.expr);
    for (const FStringPart& inner : part.format) holds(node, inner.expr);
  }
  node->parts = list(parts);
  return node;
}

void Builder::fstring_pieces(const std::vector<Context*>& pieces, bool raw,
                             std::vector<FStringPart>& parts) {
  for (Context* context : pieces) {
    auto* piece = static_cast<VmParser::FstringPieceContext*>(context);
    FStringPart part{};
    part.span = span_of(context);
    if (piece->text != nullptr) {
      LiteralText literal;
      literal.body = text_of(part.span);
      literal.body_begin = part.span.begin;
      literal.raw = raw;
      StringValue value;
      const std::size_t before = diagnostics_.size();
      append_literal(literal, true, tree_.file, value, diagnostics_);
      if (diagnostics_.size() != before) failed_ = true;
      part.text = keep(value.value);
    } else {
      part.expr = expressions(piece->value);
      if (piece->debug != nullptr) part.debug = text_of(piece->debug);
      if (piece->conversion != nullptr) {
        const char letter = text_of(piece->conversion).back();
        part.conversion = letter == 'r'   ? Conversion::repr
                          : letter == 's' ? Conversion::str
                                          : Conversion::ascii;
      }
      if (piece->format != nullptr) {
        part.has_format = true;
        std::vector<FStringPart> format;
        fstring_pieces({piece->pieces.begin(), piece->pieces.end()}, raw, format);
        part.format = list(format);
      }
    }
    parts.push_back(part);
  }
}

}  // namespace hv::lang
