#include "lang/dump.h"

#include <vector>

#include "lang/strings.h"

namespace hv::lang {

namespace {

std::string_view word(UnaryOp op) {
  switch (op) {
    case UnaryOp::minus:
      return "neg";
    case UnaryOp::plus:
      return "pos";
    case UnaryOp::invert:
      return "~";
    case UnaryOp::not_:
      return "not";
  }
  return "";
}

std::string_view word(Constant constant) {
  switch (constant) {
    case Constant::none:
      return "None";
    case Constant::true_:
      return "True";
    case Constant::false_:
      return "False";
  }
  return "";
}

std::string_view word(ComprehensionForm form) {
  switch (form) {
    case ComprehensionForm::list:
      return "list-of";
    case ComprehensionForm::set:
      return "set-of";
    case ComprehensionForm::dict:
      return "dict-of";
    case ComprehensionForm::generator:
      return "each";
  }
  return "";
}

std::string_view word(ArgumentKind kind) {
  switch (kind) {
    case ArgumentKind::positional:
    case ArgumentKind::keyword:
      return "";
    case ArgumentKind::args:
      return "*";
    case ArgumentKind::kwargs:
      return "**";
  }
  return "";
}

std::string or_none(const Expr* expr) {
  return expr == nullptr ? "-" : dump_expression(*expr);
}

std::string items(std::string_view head, List<const Expr*> list) {
  std::string out = "(" + std::string(head);
  for (const Expr* item : list) out += " " + dump_expression(*item);
  return out + ")";
}

std::string parts(List<FStringPart> list) {
  std::string out;
  for (const FStringPart& part : list) {
    out += out.empty() ? "" : " ";
    if (part.expr == nullptr) {
      out += string_literal(part.text);
      continue;
    }
    out += "{" + dump_expression(*part.expr);
    if (!part.debug.empty()) out += " debug " + string_literal(part.debug);
    switch (part.conversion) {
      case Conversion::none:
        break;
      case Conversion::str:
        out += " !s";
        break;
      case Conversion::repr:
        out += " !r";
        break;
      case Conversion::ascii:
        out += " !a";
        break;
    }
    if (part.has_format) out += " : " + parts(part.format);
    out += "}";
  }
  return out;
}

std::string parameters(List<Parameter> list) {
  std::string out = "(";
  bool keyword_only = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Parameter& item = list[i];
    if (out.size() > 1) out += ", ";
    switch (item.kind) {
      case ParameterKind::positional_only:
      case ParameterKind::normal:
        break;
      case ParameterKind::keyword_only:
        if (!keyword_only) out += "*, ";
        keyword_only = true;
        break;
      case ParameterKind::args:
        out += "*";
        keyword_only = true;
        break;
      case ParameterKind::kwargs:
        out += "**";
        break;
    }
    out += item.pattern != nullptr ? dump_expression(*item.pattern) : std::string(item.name);
    if (item.type != nullptr) out += ": " + dump_type(*item.type);
    if (item.default_value != nullptr) out += " = " + dump_expression(*item.default_value);
    if (item.kind == ParameterKind::positional_only &&
        (i + 1 == list.size() || list[i + 1].kind != ParameterKind::positional_only))
      out += ", /";
  }
  return out + ")";
}

std::string call(const CallExpr& node) {
  std::string out = "(call " + dump_expression(*node.callee);
  for (const Argument& argument : node.arguments) {
    out += " " + std::string(word(argument.kind));
    if (argument.kind == ArgumentKind::keyword) out += std::string(argument.name) + "=";
    out += dump_expression(*argument.value);
  }
  return out + ")";
}

std::string comprehension(const ComprehensionExpr& node) {
  std::string out = "(" + std::string(word(node.form));
  if (node.key != nullptr) out += " " + dump_expression(*node.key) + ":";
  out += " " + dump_expression(*node.value);
  for (const ComprehensionFor& part : node.fors) {
    out += " for " + dump_expression(*part.target) + " in " + dump_expression(*part.iterable);
    for (const Expr* condition : part.conditions) out += " if " + dump_expression(*condition);
  }
  return out + ")";
}

// Statements, one a line.
class TreeDumper {
 public:
  TreeDumper(const SourceMap& sources, DumpOptions options)
      : sources_(sources), options_(options) {}

  void block(Block statements) {
    for (const Stmt* statement : statements) one(*statement);
  }
  std::string take() { return std::move(out_); }

 private:
  void line(const Stmt& node, const std::string& text) {
    out_ += std::string(2 * depth_, ' ');
    if (options_.places) {
      const Place place = sources_.begin_of(node.span);
      out_ += std::to_string(place.line) + ":" + std::to_string(place.column) + " ";
    }
    out_ += text + "\n";
  }
  void inner(Block statements) {
    ++depth_;
    block(statements);
    --depth_;
  }
  // A clause such as `else`, without a place of its own.
  void clause(const std::string& text, Block statements) {
    out_ += std::string(2 * depth_, ' ') + text + "\n";
    inner(statements);
  }
  void otherwise(std::string_view text, Block statements) {
    if (!statements.empty()) clause(std::string(text), statements);
  }

  static std::string names(List<ImportName> list) {
    std::string out;
    for (const ImportName& name : list) {
      out += (out.empty() ? "" : ", ") + std::string(name.name);
      if (!name.alias.empty()) out += " as " + std::string(name.alias);
    }
    return out;
  }
  static std::string address(const AddressRef& ref) {
    return std::string(ref.kind) + "." + std::string(ref.name);
  }

  void one(const Stmt& node) {
    switch (node.kind) {
      case StmtKind::expression:
        return line(node, "expression " + dump_expression(*as<ExpressionStmt>(node).expr));
      case StmtKind::assign: {
        const auto& assign = as<AssignStmt>(node);
        std::string text = "assign ";
        for (const Expr* target : assign.targets) text += dump_expression(*target) + " = ";
        return line(node, text + dump_expression(*assign.value));
      }
      case StmtKind::augmented_assign: {
        const auto& assign = as<AugmentedAssignStmt>(node);
        return line(node, "assign " + dump_expression(*assign.target) + " " +
                              std::string(symbol(assign.op)) + "= " +
                              dump_expression(*assign.value));
      }
      case StmtKind::annotated_assign: {
        const auto& assign = as<AnnotatedAssignStmt>(node);
        std::string text =
            "assign " + dump_expression(*assign.target) + ": " + dump_type(*assign.type);
        if (assign.value != nullptr) text += " = " + dump_expression(*assign.value);
        return line(node, text);
      }
      case StmtKind::if_:
        return if_statement(as<IfStmt>(node));
      case StmtKind::for_: {
        const auto& loop = as<ForStmt>(node);
        line(node,
             "for " + dump_expression(*loop.target) + " in " + dump_expression(*loop.iterable));
        inner(loop.body);
        return otherwise("else", loop.else_body);
      }
      case StmtKind::while_: {
        const auto& loop = as<WhileStmt>(node);
        line(node, "while " + dump_expression(*loop.condition));
        inner(loop.body);
        return otherwise("else", loop.else_body);
      }
      case StmtKind::function: {
        const auto& function = as<FunctionStmt>(node);
        std::string text = "def " + std::string(function.name) + parameters(function.parameters);
        if (function.returns != nullptr) text += " -> " + dump_type(*function.returns);
        line(node, text);
        return inner(function.body);
      }
      case StmtKind::return_: {
        const Expr* value = as<ReturnStmt>(node).value;
        return line(node, value == nullptr ? "return" : "return " + dump_expression(*value));
      }
      case StmtKind::pass:
        return line(node, "pass");
      case StmtKind::break_:
        return line(node, "break");
      case StmtKind::continue_:
        return line(node, "continue");
      case StmtKind::global: {
        std::string text = "global";
        for (const NameExpr* name : as<GlobalStmt>(node).names)
          text += " " + std::string(name->name);
        return line(node, text);
      }
      case StmtKind::try_:
        return try_statement(as<TryStmt>(node));
      case StmtKind::raise: {
        const auto& raise = as<RaiseStmt>(node);
        std::string text = "raise";
        for (const Expr* part : {raise.exception, raise.value, raise.traceback})
          if (part != nullptr) text += " " + dump_expression(*part);
        if (raise.cause != nullptr) text += " from " + dump_expression(*raise.cause);
        return line(node, text);
      }
      case StmtKind::assert_: {
        const auto& check = as<AssertStmt>(node);
        std::string text = "assert " + dump_expression(*check.condition);
        if (check.message != nullptr) text += ", " + dump_expression(*check.message);
        return line(node, text);
      }
      case StmtKind::del:
        return line(node, items("del", as<DelStmt>(node).targets));
      case StmtKind::print: {
        const auto& print = as<PrintStmt>(node);
        std::string text = "print";
        if (print.destination != nullptr) text += " >>" + dump_expression(*print.destination);
        for (const Expr* value : print.values) text += " " + dump_expression(*value);
        return line(node, text + (print.trailing_comma ? " ," : ""));
      }
      case StmtKind::import:
        return line(node, "import " + names(as<ImportStmt>(node).names));
      case StmtKind::from_import: {
        const auto& import = as<FromImportStmt>(node);
        return line(node, "from " + std::string(import.module) + " import " +
                              (import.names.empty() ? "*" : names(import.names)));
      }
      case StmtKind::vm_import: {
        const auto& import = as<VmImportStmt>(node);
        return line(
            node, "from " + string_literal(import.path->value) + " import " + names(import.names));
      }
      case StmtKind::param: {
        const auto& param = as<ParamStmt>(node);
        std::string text = "param " + std::string(param.name);
        if (param.type != nullptr) text += ": " + dump_type(*param.type);
        if (param.default_value != nullptr) text += " = " + dump_expression(*param.default_value);
        return line(node, text);
      }
      case StmtKind::moved: {
        const auto& moved = as<MovedStmt>(node);
        return line(node, "moved " + address(moved.from) + " -> " + address(moved.to));
      }
      case StmtKind::declaration:
        return declaration(as<DeclarationStmt>(node));
      case StmtKind::lifecycle:
        line(node, "lifecycle");
        return inner(as<LifecycleStmt>(node).body);
    }
  }

  void if_statement(const IfStmt& node) {
    for (const IfBranch& branch : node.branches) {
      const std::string condition = dump_expression(*branch.condition);
      if (&branch == &node.branches.front()) {
        line(node, "if " + condition);
        inner(branch.body);
      } else {
        clause("elif " + condition, branch.body);
      }
    }
    otherwise("else", node.else_body);
  }

  void try_statement(const TryStmt& node) {
    line(node, "try");
    inner(node.body);
    for (const ExceptHandler& handler : node.handlers) {
      std::string text = "except";
      if (handler.type != nullptr) text += " " + dump_expression(*handler.type);
      if (handler.target != nullptr)
        text += (handler.legacy ? ", " : " as ") + dump_expression(*handler.target);
      clause(text, handler.body);
    }
    otherwise("else", node.else_body);
    otherwise("finally", node.finally_body);
  }

  void declaration(const DeclarationStmt& node) {
    std::string text = std::string(to_string(node.declared)) + " " + dump_expression(*node.name);
    if (!node.templates.empty()) {
      text += " (";
      for (const TemplateUse& use : node.templates)
        text += (&use == &node.templates.front() ? "" : ", ") + std::string(use.name);
      text += ")";
    }
    switch (node.placement_kind) {
      case PlacementKind::none:
        break;
      case PlacementKind::in:
        text += " in " + dump_expression(*node.placement);
        break;
      case PlacementKind::on:
        text += " on " + dump_expression(*node.placement);
        break;
    }
    line(node, text);
    inner(node.body);
  }

  const SourceMap& sources_;
  DumpOptions options_;
  std::size_t depth_ = 0;
  std::string out_;
};

}  // namespace

std::string dump_expression(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::name:
      return std::string(as<NameExpr>(expr).name);
    case ExprKind::constant:
      return std::string(word(as<ConstantExpr>(expr).value));
    case ExprKind::integer: {
      const auto& node = as<IntegerExpr>(expr);
      return node.value ? std::to_string(*node.value) : "big:" + std::string(node.digits);
    }
    case ExprKind::floating:
      return "float:" + std::string(as<FloatExpr>(expr).spelling);
    case ExprKind::size:
      return to_literal(as<SizeExpr>(expr).value);
    case ExprKind::duration:
      return to_literal(as<DurationExpr>(expr).value);
    case ExprKind::string:
      return string_literal(as<StringExpr>(expr).value);
    case ExprKind::fstring:
      return "(f " + parts(as<FStringExpr>(expr).parts) + ")";
    case ExprKind::list:
      return items("list", as<SequenceExpr>(expr).items);
    case ExprKind::tuple:
      return items("tuple", as<SequenceExpr>(expr).items);
    case ExprKind::set:
      return items("set", as<SequenceExpr>(expr).items);
    case ExprKind::dict: {
      std::string out = "(dict";
      for (const DictItem& item : as<DictExpr>(expr).items)
        out += (item.key == nullptr ? " **" : " " + dump_expression(*item.key) + ": ") +
               dump_expression(*item.value);
      return out + ")";
    }
    case ExprKind::comprehension:
      return comprehension(as<ComprehensionExpr>(expr));
    case ExprKind::lambda: {
      const auto& node = as<LambdaExpr>(expr);
      return "(lambda " + parameters(node.parameters) + " " + dump_expression(*node.body) + ")";
    }
    case ExprKind::call:
      return call(as<CallExpr>(expr));
    case ExprKind::subscript: {
      const auto& node = as<SubscriptExpr>(expr);
      return "(item " + dump_expression(*node.object) + " " + dump_expression(*node.index) + ")";
    }
    case ExprKind::slice: {
      const auto& node = as<SliceExpr>(expr);
      return "(slice " + or_none(node.lower) + " " + or_none(node.upper) + " " +
             or_none(node.step) + ")";
    }
    case ExprKind::attribute: {
      const auto& node = as<AttributeExpr>(expr);
      return "(. " + dump_expression(*node.object) + " " + std::string(node.name) + ")";
    }
    case ExprKind::unary: {
      const auto& node = as<UnaryExpr>(expr);
      return "(" + std::string(word(node.op)) + " " + dump_expression(*node.operand) + ")";
    }
    case ExprKind::binary: {
      const auto& node = as<BinaryExpr>(expr);
      return "(" + std::string(symbol(node.op)) + " " + dump_expression(*node.left) + " " +
             dump_expression(*node.right) + ")";
    }
    case ExprKind::comparison: {
      const auto& node = as<ComparisonExpr>(expr);
      std::string out = "(" + dump_expression(*node.first);
      for (const ComparisonPart& part : node.rest)
        out += " " + (part.legacy ? std::string("<>") : std::string(symbol(part.op))) + " " +
               dump_expression(*part.operand);
      return out + ")";
    }
    case ExprKind::logical: {
      const auto& node = as<LogicalExpr>(expr);
      return items(node.op == LogicalOp::and_ ? "and" : "or", node.operands);
    }
    case ExprKind::conditional: {
      const auto& node = as<ConditionalExpr>(expr);
      return "(if " + dump_expression(*node.condition) + " " + dump_expression(*node.value) + " " +
             dump_expression(*node.otherwise) + ")";
    }
    case ExprKind::repr:
      return "(repr " + dump_expression(*as<ReprExpr>(expr).operand) + ")";
    case ExprKind::star:
      return "*" + dump_expression(*as<StarExpr>(expr).operand);
  }
  return "";
}

std::string dump_type(const Type& type) {
  switch (type.kind) {
    case TypeKind::named: {
      const auto& node = as<NamedType>(type);
      std::string out(node.name);
      switch (node.refinement) {
        case RefinementKind::none:
          return out;
        case RefinementKind::range:
          out += "(";
          if (node.lower != nullptr) out += dump_expression(*node.lower);
          out += "..";
          if (node.upper != nullptr) out += dump_expression(*node.upper);
          return out + ")";
        case RefinementKind::regex:
          return out + "(" + string_literal(node.regex->value) + ")";
      }
      return out;
    }
    case TypeKind::generic: {
      const auto& node = as<GenericType>(type);
      std::string out = std::string(node.name) + "[";
      for (const Type* argument : node.arguments)
        out += (argument == node.arguments.front() ? "" : ", ") + dump_type(*argument);
      return out + "]";
    }
    case TypeKind::literal:
      return dump_expression(*as<LiteralType>(type).value);
    case TypeKind::union_: {
      std::string out = "(";
      const auto& node = as<UnionType>(type);
      for (const Type* member : node.members)
        out += (member == node.members.front() ? "" : " | ") + dump_type(*member);
      return out + ")";
    }
    case TypeKind::optional:
      return dump_type(*as<OptionalType>(type).inner) + "?";
  }
  return "";
}

std::string dump_tree(const SyntaxTree& tree, const SourceMap& sources, DumpOptions options) {
  TreeDumper dumper(sources, options);
  dumper.block(tree.body);
  return dumper.take();
}

}  // namespace hv::lang
