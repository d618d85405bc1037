// Statements, declarations, parameters and types: contexts into nodes. As long as it is for the
// same reason as build_expressions.cpp.
#include <algorithm>

#include "VmParser.h"
#include "lang/builder.h"
#include "lang/strings.h"

namespace hv::lang {

namespace {

BinaryOp augmented_op(std::string_view text) {
  if (text == "+=") return BinaryOp::add;
  if (text == "-=") return BinaryOp::subtract;
  if (text == "*=") return BinaryOp::multiply;
  if (text == "/=") return BinaryOp::divide;
  if (text == "//=") return BinaryOp::floor_divide;
  if (text == "%=") return BinaryOp::modulo;
  if (text == "**=") return BinaryOp::power;
  if (text == "<<=") return BinaryOp::shift_left;
  if (text == ">>=") return BinaryOp::shift_right;
  if (text == "&=") return BinaryOp::bit_and;
  if (text == "|=") return BinaryOp::bit_or;
  return BinaryOp::bit_xor;
}

// What stands where a target should, for "… cannot be assigned to".
std::string_view thing(ExprKind kind) {
  switch (kind) {
    case ExprKind::name:
      return "a name";
    case ExprKind::constant:
      return "a constant";
    case ExprKind::integer:
    case ExprKind::floating:
      return "a number";
    case ExprKind::size:
      return "a size";
    case ExprKind::duration:
      return "a duration";
    case ExprKind::string:
      return "a string";
    case ExprKind::fstring:
      return "an f-string";
    case ExprKind::list:
      return "a list";
    case ExprKind::tuple:
      return "a tuple";
    case ExprKind::set:
      return "a set";
    case ExprKind::dict:
      return "a dict";
    case ExprKind::comprehension:
      return "a comprehension";
    case ExprKind::lambda:
      return "a lambda";
    case ExprKind::call:
      return "a call";
    case ExprKind::subscript:
      return "an item";
    case ExprKind::slice:
      return "a slice";
    case ExprKind::attribute:
      return "an attribute";
    case ExprKind::unary:
    case ExprKind::binary:
      return "a computed value";
    case ExprKind::comparison:
      return "a comparison";
    case ExprKind::logical:
      return "a condition";
    case ExprKind::conditional:
      return "a choice";
    case ExprKind::repr:
      return "a text in backquotes";
    case ExprKind::star:
      return "a starred value";
  }
  return "";
}

}  // namespace

std::string_view to_string(DeclarationKind kind) {
  switch (kind) {
    case DeclarationKind::domain:
      return "domain";
    case DeclarationKind::vdisk:
      return "vdisk";
    case DeclarationKind::pool:
      return "pool";
    case DeclarationKind::network:
      return "network";
    case DeclarationKind::template_:
      return "template";
    case DeclarationKind::schema:
      return "schema";
  }
  return "";
}

void build_unit(antlr4::ParserRuleContext* context, const std::vector<Token>& tokens,
                std::string_view text, SyntaxTree& tree, TreeParts& parts,
                Diagnostics& diagnostics) {
  auto* unit = static_cast<VmParser::UnitContext*>(context);
  if (unit->body == nullptr) return;
  Builder(tokens, text, tree, parts, diagnostics).statement(unit->body, parts.body);
}

void build_expression_unit(antlr4::ParserRuleContext* context, std::string_view text,
                           SyntaxTree& tree, TreeParts& parts, Diagnostics& diagnostics) {
  const std::vector<Token> none;  // nothing plain stands in it
  const Stmt* statement =
      Builder(none, text, tree, parts, diagnostics).expression_statement_of(context);
  if (statement != nullptr) parts.body.push_back(statement);
}

const Stmt* Builder::expression_statement_of(Context* context) {
  auto* unit = static_cast<VmParser::ExpressionUnitContext*>(context);
  if (unit->value == nullptr) return nullptr;
  auto* node = stmt<ExpressionStmt>(StmtKind::expression, span_of(unit->value));
  node->expr = expressions(unit->value);
  return failed_ ? nullptr : node;
}

// ---- statements -------------------------------------------------------------------------------

void Builder::statement(Context* context, std::vector<const Stmt*>& into) {
  auto* from = static_cast<VmParser::StatementContext*>(context);
  if (from->exception != nullptr) return;  // reported by the parser
  const bool outer_failed = failed_;
  failed_ = too_deep_ = false;
  const auto add = [&](const Stmt* made, Span span) {
    if (failed_)
      parts_.dropped.push_back(span);
    else if (made != nullptr)
      into.push_back(made);
    failed_ = too_deep_ = false;
  };
  if (from->plain != nullptr) {
    const Stmt* made = plain_assignment(from->plain->getLine());
    add(made, made->span);
  } else if (from->simple != nullptr) {
    for (auto* part : from->simple->parts) {
      const Stmt* made = small(part);
      add(made, span_of(part));
    }
  } else {
    const Stmt* made = from->choice != nullptr     ? if_statement(from->choice)
                       : from->loop != nullptr     ? for_statement(from->loop)
                       : from->again != nullptr    ? while_statement(from->again)
                       : from->guarded != nullptr  ? try_statement(from->guarded)
                       : from->function != nullptr ? function(from->function)
                       : from->declared != nullptr ? declaration(from->declared)
                       : from->life != nullptr     ? lifecycle(from->life)
                                                   : nullptr;
    add(made, span_of(context));
  }
  failed_ = outer_failed;
}

Block Builder::block(Context* context) {
  if (context == nullptr) return {};
  auto* from = static_cast<VmParser::BlockContext*>(context);
  std::vector<const Stmt*> made;
  const bool outer_failed = failed_;
  failed_ = false;
  if (from->line != nullptr) {
    for (auto* part : from->line->parts) {
      const Stmt* one = small(part);
      if (failed_)
        parts_.dropped.push_back(span_of(part));
      else if (one != nullptr)
        made.push_back(one);
      failed_ = too_deep_ = false;
    }
  } else {
    for (auto* inner : from->statements) statement(inner, made);
  }
  failed_ = outer_failed;
  return list(made);
}

const Stmt* Builder::small(Context* context) {
  auto* from = static_cast<VmParser::SmallStatementContext*>(context);
  const Span span = span_of(context);
  if (from->expression_ != nullptr) return expression_statement(from->expression_);
  if (from->word != nullptr) {
    const TokenKind word = kind_of(from->word);
    return stmt<SimpleStmt>(word == TokenKind::pass     ? StmtKind::pass
                            : word == TokenKind::break_ ? StmtKind::break_
                                                        : StmtKind::continue_,
                            span);
  }
  if (from->return_ != nullptr) {
    auto* node = stmt<ReturnStmt>(StmtKind::return_, span);
    if (from->value != nullptr) node->value = expressions(from->value);
    return node;
  }
  if (from->raise_ != nullptr) return raise(context, span);
  if (from->assert_ != nullptr) {
    auto* node = stmt<AssertStmt>(StmtKind::assert_, span);
    node->condition = expression(from->first);
    if (from->second != nullptr) node->message = expression(from->second);
    return node;
  }
  if (from->del_ != nullptr) {
    auto* node = stmt<DelStmt>(StmtKind::del, span);
    const Expr* value = expressions(from->value);
    check_target(value, false, "delete");
    const auto* tuple = try_as<SequenceExpr>(value);
    node->targets = tuple != nullptr && !tuple->parenthesized && tuple->kind == ExprKind::tuple
                        ? tuple->items
                        : list(std::vector<const Expr*>{value});
    return node;
  }
  if (from->global_ != nullptr) {
    auto* node = stmt<GlobalStmt>(StmtKind::global, span);
    std::vector<const NameExpr*> names;
    for (auto* name : from->names)
      names.push_back(static_cast<const NameExpr*>(static_cast<Expr*>(simple(name))));
    node->names = list(names);
    return node;
  }
  if (from->print_ != nullptr) return print(from->print_, span);
  if (from->import_ != nullptr) {
    auto* node = stmt<ImportStmt>(StmtKind::import, span);
    std::vector<ImportName> names;
    for (auto* module : from->modules) {
      ImportName name{};
      name.span = span_of(module);
      name.name = dotted(module->module);
      name.name_span = span_of(module->module);
      if (module->alias != nullptr) {
        name.alias = text_of(module->alias);
        name.alias_span = span_of(module->alias);
      }
      names.push_back(name);
    }
    node->names = list(names);
    return node;
  }
  if (from->fromImport_ != nullptr) return from_import(from->fromImport_, span);
  if (from->param_ != nullptr) {
    auto* node = stmt<ParamStmt>(StmtKind::param, span);
    node->name = text_of(from->name);
    node->name_span = span_of(from->name);
    if (from->annotation != nullptr) node->type = type(from->annotation);
    if (from->first != nullptr) node->default_value = expression(from->first);
    if (!failed_) parts_.params.push_back(node);
    return node;
  }
  auto* node = stmt<MovedStmt>(StmtKind::moved, span);
  node->from = address(from->from_);
  node->to = address(from->to);
  if (!failed_) parts_.moved.push_back(node);
  return node;
}

const Stmt* Builder::raise(Context* context, Span span) {
  auto* from = static_cast<VmParser::SmallStatementContext*>(context);
  auto* node = stmt<RaiseStmt>(StmtKind::raise, span);
  if (from->first != nullptr) node->exception = expression(from->first);
  if (from->second != nullptr) node->value = expression(from->second);
  if (from->third != nullptr) node->traceback = expression(from->third);
  if (from->cause != nullptr) node->cause = expression(from->cause);
  return node;
}

const Stmt* Builder::print(Context* context, Span span) {
  auto* from = static_cast<VmParser::PrintStatementContext*>(context);
  auto* node = stmt<PrintStmt>(StmtKind::print, span);
  if (from->destination != nullptr) node->destination = expression(from->destination);
  std::vector<const Expr*> values;
  for (auto* value : from->values) values.push_back(expression(value));
  node->values = list(values);
  node->trailing_comma = from->trailing != nullptr;
  return node;
}

const Stmt* Builder::from_import(Context* context, Span span) {
  auto* from = static_cast<VmParser::FromImportContext*>(context);
  std::vector<ImportName> names;
  for (auto* item : from->names) {
    ImportName name{};
    name.span = span_of(item);
    name.name = text_of(item->name);
    name.name_span = span_of(item->name);
    if (item->alias != nullptr) {
      name.alias = text_of(item->alias);
      name.alias_span = span_of(item->alias);
    }
    names.push_back(name);
  }
  if (from->path == nullptr) {
    auto* node = stmt<FromImportStmt>(StmtKind::from_import, span);
    node->module = dotted(from->module);
    node->module_span = span_of(from->module);
    node->names = list(names);
    return node;
  }
  auto* node = stmt<VmImportStmt>(StmtKind::vm_import, span);
  Expr* path = strings(from->path);
  if (path->kind != ExprKind::string)
    report(Code::syntax_error, path->span, "the path of an import is a plain string");
  else
    node->path = static_cast<const StringExpr*>(path);
  if (from->star != nullptr)
    report(Code::syntax_error, span_of(from->star), "an import names what it takes").help =
        "`from \"x.vm\" import a, b as c`";
  node->names = list(names);
  if (!failed_) parts_.imports.push_back(node);
  return node;
}

const Stmt* Builder::expression_statement(Context* context) {
  auto* from = static_cast<VmParser::ExpressionStatementContext*>(context);
  const Span span = span_of(context);
  Expr* first = expressions(from->first);
  if (from->annotation != nullptr) {
    auto* node = stmt<AnnotatedAssignStmt>(StmtKind::annotated_assign, span);
    if (first->kind == ExprKind::tuple || first->kind == ExprKind::list)
      report(Code::bad_target, first->span, "only one name can have a type");
    else
      check_target(first, false, "assign to");
    node->target = first;
    node->type = type(from->annotation);
    if (from->value != nullptr) node->value = expressions(from->value);
    if (!failed_ && node->value != nullptr) note_assigned(first);
    return node;
  }
  if (from->operator_ != nullptr) {
    auto* node = stmt<AugmentedAssignStmt>(StmtKind::augmented_assign, span);
    if (first->kind == ExprKind::tuple || first->kind == ExprKind::list)
      report(Code::bad_target, first->span,
             "`" + std::string(text_of(from->operator_)) + "` takes one target");
    else
      check_target(first, false, "assign to");
    node->target = first;
    node->op = augmented_op(text_of(from->operator_));
    node->op_span = span_of(from->operator_);
    node->value = expressions(from->value);
    if (!failed_) note_assigned(first);
    return node;
  }
  if (from->more.empty()) {
    auto* node = stmt<ExpressionStmt>(StmtKind::expression, span);
    node->expr = first;
    return node;
  }
  auto* node = stmt<AssignStmt>(StmtKind::assign, span);
  std::vector<const Expr*> targets{first};
  for (auto* part : from->more) targets.push_back(expressions(part));
  node->value = targets.back();
  targets.pop_back();
  for (const Expr* target : targets) check_target(target, false, "assign to");
  node->targets = list(targets);
  if (!failed_)
    for (const Expr* target : targets) note_assigned(target);
  return node;
}

void Builder::check_target(const Expr* target, bool star_allowed, std::string_view what) {
  switch (target->kind) {
    case ExprKind::name:
    case ExprKind::attribute:
    case ExprKind::subscript:
      return;
    case ExprKind::list:
    case ExprKind::tuple: {
      const auto& items = as<SequenceExpr>(*target).items;
      int stars = 0;
      for (const Expr* item : items) {
        stars += item->kind == ExprKind::star ? 1 : 0;
        check_target(item, true, what);
      }
      if (stars > 1) report(Code::bad_target, target->span, "two targets have a `*`");
      return;
    }
    case ExprKind::star:
      if (star_allowed) {
        check_target(as<StarExpr>(*target).operand, false, what);
        return;
      }
      break;
    case ExprKind::constant:
    case ExprKind::integer:
    case ExprKind::floating:
    case ExprKind::size:
    case ExprKind::duration:
    case ExprKind::string:
    case ExprKind::fstring:
    case ExprKind::set:
    case ExprKind::dict:
    case ExprKind::comprehension:
    case ExprKind::lambda:
    case ExprKind::call:
    case ExprKind::slice:
    case ExprKind::unary:
    case ExprKind::binary:
    case ExprKind::comparison:
    case ExprKind::logical:
    case ExprKind::conditional:
    case ExprKind::repr:
      break;
  }
  Diagnostic& diagnostic =
      report(Code::bad_target, target->span,
             "cannot " + std::string(what) + " " + std::string(thing(target->kind)));
  diagnostic.help = target->kind == ExprKind::comparison
                        ? "`=` assigns, `==` compares"
                        : "a target is a name, an attribute, an item or a list of such";
}

void Builder::note_assigned(const Expr* target) {
  if (inside_ != 0) return;
  if (const auto* name = try_as<NameExpr>(target)) {
    parts_.assigned.push_back({name->name, name->span});
  } else if (const auto* sequence = try_as<SequenceExpr>(target)) {
    for (const Expr* item : sequence->items) note_assigned(item);
  } else if (const auto* star = try_as<StarExpr>(target)) {
    note_assigned(star->operand);
  }
}

const Stmt* Builder::if_statement(Context* context) {
  auto* from = static_cast<VmParser::IfStatementContext*>(context);
  auto* node = stmt<IfStmt>(StmtKind::if_, span_of(context));
  std::vector<IfBranch> branches;
  for (std::size_t i = 0; i < from->conditions.size(); ++i) {
    IfBranch branch{};
    const Span word = i == 0 ? span_of(from->start) : span_of(from->elifs[i - 1]);
    branch.span = join(word, span_of(from->conditions[i]));
    branch.condition = expression(from->conditions[i]);
    branch.body = block(from->bodies[i]);
    if (!branch.body.empty()) branch.span.end = branch.body.back()->span.end;
    node->span.end = branch.span.end;
    branches.push_back(branch);
  }
  node->branches = list(branches);
  node->else_body = block(from->otherwise);
  if (!node->else_body.empty()) node->span.end = node->else_body.back()->span.end;
  return node;
}

const Stmt* Builder::for_statement(Context* context) {
  auto* from = static_cast<VmParser::ForStatementContext*>(context);
  auto* node = stmt<ForStmt>(StmtKind::for_, join(span_of(from->start), span_of(from->iterable)));
  node->target = targets(from->bound);
  node->iterable = expressions(from->iterable);
  node->body = block(from->body);
  node->else_body = block(from->otherwise);
  for (const Block* part : {&node->body, &node->else_body})
    if (!part->empty()) node->span.end = part->back()->span.end;
  return node;
}

const Stmt* Builder::while_statement(Context* context) {
  auto* from = static_cast<VmParser::WhileStatementContext*>(context);
  auto* node =
      stmt<WhileStmt>(StmtKind::while_, join(span_of(from->start), span_of(from->condition)));
  node->condition = expression(from->condition);
  node->body = block(from->body);
  node->else_body = block(from->otherwise);
  for (const Block* part : {&node->body, &node->else_body})
    if (!part->empty()) node->span.end = part->back()->span.end;
  return node;
}

const Stmt* Builder::try_statement(Context* context) {
  auto* from = static_cast<VmParser::TryStatementContext*>(context);
  auto* node = stmt<TryStmt>(StmtKind::try_, span_of(from->start));
  node->body = block(from->body);
  if (!node->body.empty()) node->span.end = node->body.back()->span.end;
  std::vector<ExceptHandler> handlers;
  for (auto* clause : from->handlers) {
    if (!handlers.empty() && handlers.back().type == nullptr)
      report(Code::syntax_error, handlers.back().span, "a bare `except` is the last one");
    ExceptHandler handler{};
    handler.span = span_of(clause->start);
    if (clause->caught != nullptr) {
      handler.type = expression(clause->caught);
      handler.span.end = handler.type->span.end;
    }
    if (clause->how != nullptr) {
      handler.target = primary(clause->bound);
      handler.legacy = kind_of(clause->how) == TokenKind::comma;
      check_target(handler.target, false, "assign to");
    }
    handler.body = block(clause->body);
    if (!handler.body.empty()) handler.span.end = handler.body.back()->span.end;
    node->span.end = handler.span.end;
    handlers.push_back(handler);
  }
  node->handlers = list(handlers);
  node->else_body = block(from->otherwise);
  node->finally_body = block(from->last);
  for (const Block* part : {&node->else_body, &node->finally_body})
    if (!part->empty()) node->span.end = part->back()->span.end;
  return node;
}

const Stmt* Builder::function(Context* context) {
  auto* from = static_cast<VmParser::FunctionDefinitionContext*>(context);
  auto* node =
      stmt<FunctionStmt>(StmtKind::function, join(span_of(from->start), span_of(from->name)));
  node->name = text_of(from->name);
  node->name_span = span_of(from->name);
  std::vector<Parameter> found;
  if (from->parameters != nullptr)
    for (auto* item : from->parameters->items) found.push_back(parameter(item));
  node->parameters = parameters(found);
  if (from->result != nullptr) node->returns = type(from->result);
  ++inside_;
  node->body = block(from->body);
  --inside_;
  if (!node->body.empty()) node->span.end = node->body.back()->span.end;
  return node;
}

// ---- parameters -------------------------------------------------------------------------------

// A bare `*` or `/` comes as a Parameter without name and pattern; `parameters` takes them out.
Parameter Builder::parameter(Context* context) {
  auto* from = static_cast<VmParser::ParameterContext*>(context);
  Parameter made{};
  made.span = span_of(context);
  made.kind = from->slash != nullptr                    ? ParameterKind::positional_only
              : from->stars == nullptr                  ? ParameterKind::normal
              : kind_of(from->stars) == TokenKind::star ? ParameterKind::args
                                                        : ParameterKind::kwargs;
  if (from->name != nullptr) {
    made.name = text_of(from->name);
    made.name_span = span_of(from->name);
  }
  if (from->pattern != nullptr) {
    made.pattern = paren(from->pattern);
    check_target(made.pattern, false, "assign to");
  }
  if (from->annotation != nullptr) made.type = type(from->annotation);
  if (from->value != nullptr) made.default_value = expression(from->value);
  return made;
}

Parameter Builder::lambda_parameter(Context* context) {
  auto* from = static_cast<VmParser::LambdaParameterContext*>(context);
  Parameter made{};
  made.span = span_of(context);
  made.kind = from->slash != nullptr                    ? ParameterKind::positional_only
              : from->stars == nullptr                  ? ParameterKind::normal
              : kind_of(from->stars) == TokenKind::star ? ParameterKind::args
                                                        : ParameterKind::kwargs;
  if (from->name != nullptr) {
    made.name = text_of(from->name);
    made.name_span = span_of(from->name);
  }
  if (from->pattern != nullptr) {
    made.pattern = paren(from->pattern);
    check_target(made.pattern, false, "assign to");
  }
  if (from->value != nullptr) made.default_value = expression(from->value);
  return made;
}

List<Parameter> Builder::parameters(const std::vector<Parameter>& found) {
  std::vector<Parameter> made;
  bool starred = false, last = false, defaults = false;
  for (const Parameter& item : found) {
    const bool bare = item.name.empty() && item.pattern == nullptr;
    const auto wrong = [&](std::string message) -> Diagnostic& {
      return report(Code::bad_parameters, item.span, std::move(message));
    };
    if (last) wrong("nothing stands behind a `**` parameter");
    if (bare && item.kind == ParameterKind::positional_only) {
      if (made.empty() || starred) wrong("`/` stands behind the parameters without a name");
      for (Parameter& before : made) before.kind = ParameterKind::positional_only;
      continue;
    }
    if (item.kind == ParameterKind::args) {
      if (starred) wrong("two parameters take the rest");
      if (bare && &item == &found.back()) wrong("a parameter must follow a bare `*`");
      starred = true;
      if (bare) continue;
    }
    Parameter next = item;
    if (item.kind == ParameterKind::kwargs) last = true;
    if (item.kind == ParameterKind::normal && starred) next.kind = ParameterKind::keyword_only;
    if (next.kind == ParameterKind::normal) {
      if (defaults && next.default_value == nullptr)
        wrong("this parameter has no default, but one before it does").help =
            "parameters with a default come last";
      defaults = defaults || next.default_value != nullptr;
    }
    for (const Parameter& other : made)
      if (!next.name.empty() && other.name == next.name)
        wrong("the parameter `" + std::string(next.name) + "` stands twice")
            .related.push_back({other.name_span, "first here"});
    made.push_back(next);
  }
  return list(made);
}

// ---- declarations -----------------------------------------------------------------------------

std::string_view Builder::dotted(Context* context) {
  auto* from = static_cast<VmParser::DottedNameContext*>(context);
  const Span span = span_of(context);
  std::string name;
  for (auto* part : from->parts) name += (name.empty() ? "" : ".") + std::string(text_of(part));
  return name == text_of(span) ? text_of(span) : keep(name);
}

AddressRef Builder::address(Context* context) {
  auto* from = static_cast<VmParser::AddressContext*>(context);
  AddressRef made{};
  made.span = span_of(context);
  made.kind = text_of(from->kind);
  made.kind_span = span_of(from->kind);
  if (from->name != nullptr) {
    made.name = text_of(from->name);
    made.name_span = span_of(from->name);
    return made;
  }
  made.name_span = span_of(from->text);
  StringValue value;
  append_literal(split_literal(text_of(from->text), made.name_span.begin), false, tree_.file, value,
                 diagnostics_);
  made.name = keep(value.value);
  return made;
}

TemplateUse Builder::template_use(Context* context) {
  auto* from = static_cast<VmParser::DottedNameContext*>(context);
  TemplateUse use{text_of(from->parts.back()), span_of(context)};
  const bool plain = from->parts.size() == 1 ||
                     (from->parts.size() == 2 && text_of(from->parts.front()) == "template");
  if (!plain)
    report(Code::syntax_error, use.span, "a template is named by its bare name").help =
        "or by `template.NAME`";
  return use;
}

const Expr* Builder::declared_name(Context* context) {
  auto* from = static_cast<VmParser::DeclarationContext*>(context);
  if (from->name != nullptr) return simple(from->name);
  const Expr* text = strings(from->text);
  if (from->percent != nullptr) refuse_computed_name(from, text);
  return text;
}

// `domain "web%d" % i:` — the f-string that does it, where the format is simple enough.
void Builder::refuse_computed_name(Context* context, const Expr* format) {
  auto* from = static_cast<VmParser::DeclarationContext*>(context);
  Context* arguments = from->value != nullptr ? static_cast<Context*>(from->value) : from->values;
  const Span whole = join(format->span, span_of(arguments));
  Diagnostic& diagnostic =
      report(Code::computed_declaration_name, whole, "a computed name is written as one f-string");
  diagnostic.help = "for example f\"web{i}\"";
  const auto* string = try_as<StringExpr>(format);
  if (string == nullptr) return;
  std::vector<std::string_view> values;
  if (from->value != nullptr)
    values.push_back(text_of(span_of(from->value)));
  else
    for (auto* item : from->values->items) values.push_back(text_of(span_of(item)));
  std::string fixed = "f\"";
  std::size_t used = 0;
  for (std::size_t i = 0; i < string->value.size(); ++i) {
    const char c = string->value[i];
    if (c == '"' || c == '\\' || c == '{' || c == '}') return;
    if (c != '%') {
      fixed += c;
      continue;
    }
    std::string width;
    while (++i < string->value.size() && string->value[i] >= '0' && string->value[i] <= '9')
      width += string->value[i];
    if (i == string->value.size() || used == values.size()) return;
    const char letter = string->value[i];
    if (letter != 'd' && letter != 's' && letter != 'i') return;
    const std::string_view value = values[used++];
    if (value.find_first_of("\"\\{}") != value.npos) return;
    fixed += "{" + std::string(value);
    if (!width.empty()) fixed += ":" + width + (letter == 's' ? "s" : "d");
    fixed += "}";
  }
  fixed += "\"";
  if (used == values.size()) diagnostic.fix = Fix{"write `" + fixed + "`", whole, fixed};
}

const Stmt* Builder::declaration(Context* context) {
  auto* from = static_cast<VmParser::DeclarationContext*>(context);
  const Span keyword = span_of(from->kind);
  const Span header = join(keyword, span_of(from->colon));
  auto* node = stmt<DeclarationStmt>(StmtKind::declaration, header);
  const TokenKind kind = kind_of(from->kind);
  node->declared = kind == TokenKind::domain      ? DeclarationKind::domain
                   : kind == TokenKind::vdisk     ? DeclarationKind::vdisk
                   : kind == TokenKind::pool      ? DeclarationKind::pool
                   : kind == TokenKind::network   ? DeclarationKind::network
                   : kind == TokenKind::template_ ? DeclarationKind::template_
                                                  : DeclarationKind::schema;
  node->keyword = keyword;
  node->header = header;
  node->name = declared_name(context);
  std::vector<TemplateUse> templates;
  for (auto* use : from->templates) templates.push_back(template_use(use));
  node->templates = list(templates);
  if (from->place != nullptr) {
    node->placement_kind =
        kind_of(from->place) == TokenKind::in ? PlacementKind::in : PlacementKind::on;
    node->placement = expression(from->where);
  }
  // A mistake in the header, once said, does not take the block with it.
  if (!too_deep_) failed_ = false;
  // In order of appearance: before the declarations inside its body.
  const std::size_t position = parts_.declarations.size();
  if (!failed_) parts_.declarations.push_back(node);
  ++inside_;
  node->body = block(from->body);
  --inside_;
  if (!node->body.empty()) node->span.end = node->body.back()->span.end;
  if (failed_ && parts_.declarations.size() > position && parts_.declarations[position] == node)
    parts_.declarations.erase(parts_.declarations.begin() + static_cast<std::ptrdiff_t>(position));
  return node;
}

const Stmt* Builder::lifecycle(Context* context) {
  auto* from = static_cast<VmParser::LifecycleBlockContext*>(context);
  auto* node = stmt<LifecycleStmt>(StmtKind::lifecycle, span_of(from->start));
  node->body = block(from->body);
  if (!node->body.empty()) node->span.end = node->body.back()->span.end;
  return node;
}

// ---- types ------------------------------------------------------------------------------------

const Type* Builder::type(Context* context) {
  auto* from = static_cast<VmParser::TypeContext*>(context);
  if (from->members.size() == 1) return type_postfix(from->members.front());
  auto* node = make<UnionType>(span_of(context));
  node->kind = TypeKind::union_;
  std::vector<const Type*> members;
  for (auto* member : from->members) members.push_back(type_postfix(member));
  node->members = list(members);
  return node;
}

const Type* Builder::type_postfix(Context* context) {
  auto* from = static_cast<VmParser::TypePostfixContext*>(context);
  const Type* inner = type_primary(from->inner);
  if (from->optional.empty()) return inner;
  auto* node = make<OptionalType>(span_of(context));  // T?? is T?
  node->kind = TypeKind::optional;
  node->inner = inner;
  return node;
}

const Type* Builder::type_primary(Context* context) {
  auto* from = static_cast<VmParser::TypePrimaryContext*>(context);
  const Span span = span_of(context);
  if (from->group != nullptr) return type(from->group);
  if (from->literal != nullptr) {
    Expr* value = type_literal(from->literal);
    if (const auto* constant = try_as<ConstantExpr>(static_cast<const Expr*>(value));
        constant != nullptr && constant->value == Constant::none) {
      auto* node = make<NamedType>(span);
      node->kind = TypeKind::named;
      node->name = text_of(span);
      node->name_span = span;
      return node;
    }
    auto* node = make<LiteralType>(span);
    node->kind = TypeKind::literal;
    node->value = value;
    return node;
  }
  if (!from->arguments.empty()) {
    auto* node = make<GenericType>(span);
    node->kind = TypeKind::generic;
    node->name = text_of(from->name);
    node->name_span = span_of(from->name);
    std::vector<const Type*> arguments;
    for (auto* argument : from->arguments) arguments.push_back(type(argument));
    node->arguments = list(arguments);
    return node;
  }
  auto* node = make<NamedType>(span);
  node->kind = TypeKind::named;
  node->name = text_of(from->name);
  node->name_span = span_of(from->name);
  if (from->refinement == nullptr) return node;
  if (from->refinement->pattern != nullptr) {
    Expr* pattern = strings(from->refinement->pattern);
    node->refinement = RefinementKind::regex;
    if (pattern->kind == ExprKind::string)
      node->regex = static_cast<const StringExpr*>(pattern);
    else
      report(Code::bad_type, pattern->span, "the pattern of a type is a plain string");
    return node;
  }
  node->refinement = RefinementKind::range;
  for (auto [bound, to] : {std::pair{from->refinement->lower, &node->lower},
                           std::pair{from->refinement->upper, &node->upper}}) {
    if (bound == nullptr) continue;
    *to = type_literal(bound);
    if (bound->number == nullptr)
      report(Code::bad_type, span_of(bound), "the ends of a range are numbers");
  }
  if (node->lower == nullptr && node->upper == nullptr)
    report(Code::bad_type, span, "this range has no end at all").help =
        "write `" + std::string(node->name) + "` alone";
  return node;
}

Expr* Builder::type_literal(Context* context) {
  auto* from = static_cast<VmParser::TypeLiteralContext*>(context);
  if (from->text != nullptr) {
    Expr* text = strings(from->text);
    if (text->kind != ExprKind::string)
      report(Code::bad_type, text->span, "a literal type is a plain string");
    return text;
  }
  if (from->word != nullptr) return simple(from->word);
  Expr* number = simple(from->number);
  if (from->minus == nullptr) return number;
  auto* node = expr<UnaryExpr>(ExprKind::unary, span_of(context));
  node->op = UnaryOp::minus;
  node->operand = number;
  holds(node, number);
  return node;
}

}  // namespace hv::lang
