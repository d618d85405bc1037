// Longer than other files: one writer, with a case for every kind of node.
#include "tests/fuzz/unparse.h"

#include "base/units.h"

namespace hv::fuzz {

namespace {

using namespace lang;

std::string expression(const Expr& node);
std::string type(const Type& node);

std::string escaped(std::string_view value, bool in_fstring) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else if (in_fstring && (c == '{' || c == '}')) {
      out += {c, c};
    } else {
      out += c;
    }
  }
  return out;
}

std::string quoted(std::string_view value) {
  return "\"" + escaped(value, false) + "\"";
}

// What is atomic needs no brackets.
std::string operand(const Expr& node) {
  const std::string text = expression(node);
  switch (node.kind) {
    case ExprKind::name:
    case ExprKind::constant:
    case ExprKind::string:
    case ExprKind::list:
    case ExprKind::set:
    case ExprKind::dict:
    case ExprKind::call:
    case ExprKind::subscript:
    case ExprKind::attribute:
    case ExprKind::repr:
    case ExprKind::tuple:
    case ExprKind::comprehension:
      return text;
    case ExprKind::integer:
    case ExprKind::floating:
    case ExprKind::size:
    case ExprKind::duration:
    case ExprKind::fstring:
    case ExprKind::lambda:
    case ExprKind::slice:
    case ExprKind::unary:
    case ExprKind::binary:
    case ExprKind::comparison:
    case ExprKind::logical:
    case ExprKind::conditional:
    case ExprKind::star:
      break;
  }
  return "(" + text + ")";
}

std::string list(List<const Expr*> items, std::string_view separator = ", ") {
  std::string out;
  for (const Expr* item : items)
    out += (out.empty() ? "" : std::string(separator)) + expression(*item);
  return out;
}

// `for x, in y` keeps its comma; brackets would do too, but Python 2's `for (a), b` is rarer.
std::string loop(const Expr& target, const Expr& iterable) {
  return "for " + operand(target) + " in " + operand(iterable);
}

std::string parameter_list(List<Parameter> parameters) {
  std::string out;
  bool starred = false;
  bool slash_due = false;
  for (const Parameter& parameter : parameters) {
    if (slash_due && parameter.kind != ParameterKind::positional_only) {
      out += ", /";
      slash_due = false;
    }
    if (parameter.kind == ParameterKind::keyword_only && !starred) {
      out += std::string(out.empty() ? "" : ", ") + "*";
      starred = true;
    }
    out += out.empty() ? "" : ", ";
    switch (parameter.kind) {
      case ParameterKind::positional_only:
        slash_due = true;
        break;
      case ParameterKind::normal:
      case ParameterKind::keyword_only:
        break;
      case ParameterKind::args:
        out += "*";
        starred = true;
        break;
      case ParameterKind::kwargs:
        out += "**";
        break;
    }
    out += parameter.pattern != nullptr ? operand(*parameter.pattern) : std::string(parameter.name);
    if (parameter.type != nullptr) out += ": " + type(*parameter.type);
    if (parameter.default_value != nullptr) out += " = " + operand(*parameter.default_value);
  }
  return out + (slash_due ? ", /" : "");
}

std::string fors(const ComprehensionExpr& node) {
  std::string out;
  for (const ComprehensionFor& part : node.fors) {
    out += " " + loop(*part.target, *part.iterable);
    for (const Expr* condition : part.conditions) out += " if " + operand(*condition);
  }
  return out;
}

std::string fstring_parts(List<FStringPart> parts, bool in_format) {
  std::string out;
  for (const FStringPart& part : parts) {
    if (part.expr == nullptr) {
      out += in_format ? std::string(part.text) : escaped(part.text, true);
      continue;
    }
    out += "{" + std::string(part.debug.empty() ? " (" + expression(*part.expr) + ")"
                                                : std::string(part.debug));
    switch (part.conversion) {
      case Conversion::none:
        break;
      case Conversion::str:
        out += "!s";
        break;
      case Conversion::repr:
        out += "!r";
        break;
      case Conversion::ascii:
        out += "!a";
        break;
    }
    if (part.has_format) out += ":" + fstring_parts(part.format, true);
    out += "}";
  }
  return out;
}

// Every part as a literal of its own, side by side: parts of text are not joined in the tree.
std::string fstring(const FStringExpr& node) {
  std::string out = "f\"\"";
  for (const FStringPart& part : node.parts) {
    if (part.expr == nullptr)
      out += " " + quoted(part.text);
    else
      out += " f\"\"\"" + fstring_parts({&part, 1}, false) + "\"\"\"";
  }
  return out;
}

std::string_view word(const ComparisonPart& part) {
  return part.op == CompareOp::not_equal && part.legacy ? "<>" : symbol(part.op);
}

std::string call(const CallExpr& node) {
  std::string out;
  for (const Argument& argument : node.arguments) {
    out += out.empty() ? "" : ", ";
    switch (argument.kind) {
      case ArgumentKind::positional:
        break;
      case ArgumentKind::keyword:
        out += std::string(argument.name) + "=";
        break;
      case ArgumentKind::args:
        out += "*";
        break;
      case ArgumentKind::kwargs:
        out += "**";
        break;
    }
    out += operand(*argument.value);
  }
  return operand(*node.callee) + "(" + out + ")";
}

std::string display(const SequenceExpr& node) {
  switch (node.kind) {
    case ExprKind::list:
      return "[" + list(node.items) + "]";
    case ExprKind::set:
      return "{" + list(node.items) + "}";
    default:  // a tuple; SequenceExpr has no fourth kind
      return "(" + list(node.items) + (node.items.size() == 1 ? ",)" : ")");
  }
}

std::string comprehension(const ComprehensionExpr& node) {
  const std::string inner =
      (node.key != nullptr ? operand(*node.key) + ": " : "") +
      (node.value->kind == ExprKind::star ? expression(*node.value) : operand(*node.value)) +
      fors(node);
  switch (node.form) {
    case ComprehensionForm::list:
      return "[" + inner + "]";
    case ComprehensionForm::set:
    case ComprehensionForm::dict:
      return "{" + inner + "}";
    case ComprehensionForm::generator:
      return "(" + inner + ")";
  }
  return "";
}

// An index: slices stand bare, a tuple that holds one too.
std::string index(const Expr& node) {
  const auto* tuple = try_as<SequenceExpr>(&node);
  if (tuple == nullptr || tuple->kind != ExprKind::tuple) return expression(node);
  bool slices = false;
  for (const Expr* item : tuple->items) slices = slices || item->kind == ExprKind::slice;
  if (!slices) return expression(node);
  return list(tuple->items) + (tuple->items.size() == 1 ? "," : "");
}

std::string expression(const Expr& node) {
  switch (node.kind) {
    case ExprKind::name:
      return std::string(as<NameExpr>(node).name);
    case ExprKind::constant:
      switch (as<ConstantExpr>(node).value) {
        case Constant::none:
          return "None";
        case Constant::true_:
          return "True";
        case Constant::false_:
          return "False";
      }
      return "";
    case ExprKind::integer:
      return std::string(as<IntegerExpr>(node).spelling);
    case ExprKind::floating:
      return std::string(as<FloatExpr>(node).spelling);
    case ExprKind::size:
      return to_literal(as<SizeExpr>(node).value);
    case ExprKind::duration:
      return to_literal(as<DurationExpr>(node).value);
    case ExprKind::string:
      return quoted(as<StringExpr>(node).value);
    case ExprKind::fstring:
      return fstring(as<FStringExpr>(node));
    case ExprKind::list:
    case ExprKind::tuple:
    case ExprKind::set:
      return display(as<SequenceExpr>(node));
    case ExprKind::dict: {
      std::string out;
      for (const DictItem& item : as<DictExpr>(node).items)
        out += (out.empty() ? "" : ", ") + (item.key == nullptr
                                                ? "**" + operand(*item.value)
                                                : operand(*item.key) + ": " + operand(*item.value));
      return "{" + out + "}";
    }
    case ExprKind::comprehension:
      return comprehension(as<ComprehensionExpr>(node));
    case ExprKind::lambda: {
      const auto& lambda = as<LambdaExpr>(node);
      return "lambda " + parameter_list(lambda.parameters) + ": " + operand(*lambda.body);
    }
    case ExprKind::call:
      return call(as<CallExpr>(node));
    case ExprKind::subscript: {
      const auto& item = as<SubscriptExpr>(node);
      return operand(*item.object) + "[" + index(*item.index) + "]";
    }
    case ExprKind::slice: {
      const auto& slice = as<SliceExpr>(node);
      const auto part = [](const Expr* bound) { return bound == nullptr ? "" : operand(*bound); };
      return part(slice.lower) + ":" + part(slice.upper) +
             (slice.step == nullptr ? "" : ":" + part(slice.step));
    }
    case ExprKind::attribute: {
      const auto& attribute = as<AttributeExpr>(node);
      return operand(*attribute.object) + "." + std::string(attribute.name);
    }
    case ExprKind::unary: {
      const auto& unary = as<UnaryExpr>(node);
      std::string_view sign;
      switch (unary.op) {
        case UnaryOp::minus:
          sign = "-";
          break;
        case UnaryOp::plus:
          sign = "+";
          break;
        case UnaryOp::invert:
          sign = "~";
          break;
        case UnaryOp::not_:
          sign = "not ";
          break;
      }
      return std::string(sign) + operand(*unary.operand);
    }
    case ExprKind::binary: {
      const auto& binary = as<BinaryExpr>(node);
      return operand(*binary.left) + " " + std::string(symbol(binary.op)) + " " +
             operand(*binary.right);
    }
    case ExprKind::comparison: {
      const auto& comparison = as<ComparisonExpr>(node);
      std::string out = operand(*comparison.first);
      for (const ComparisonPart& part : comparison.rest)
        out += " " + std::string(word(part)) + " " + operand(*part.operand);
      return out;
    }
    case ExprKind::logical: {
      const auto& logical = as<LogicalExpr>(node);
      std::string out;
      for (const Expr* each : logical.operands)
        out += (out.empty()                     ? ""
                : logical.op == LogicalOp::and_ ? " and "
                                                : " or ") +
               operand(*each);
      return out;
    }
    case ExprKind::conditional: {
      const auto& choice = as<ConditionalExpr>(node);
      return operand(*choice.value) + " if " + operand(*choice.condition) + " else " +
             operand(*choice.otherwise);
    }
    case ExprKind::repr:
      return "`" + expression(*as<ReprExpr>(node).operand) + "`";
    case ExprKind::star:
      return "*" + operand(*as<StarExpr>(node).operand);
  }
  return "";
}

// In a type stands a number with its sign, and no other expression.
std::string type_literal(const Expr& node) {
  return node.kind == ExprKind::unary ? "-" + expression(*as<UnaryExpr>(node).operand)
                                      : expression(node);
}

std::string type(const Type& node) {
  switch (node.kind) {
    case TypeKind::named: {
      const auto& named = as<NamedType>(node);
      const std::string name(named.name);
      switch (named.refinement) {
        case RefinementKind::none:
          return name;
        case RefinementKind::range:
          return name + "(" + (named.lower != nullptr ? type_literal(*named.lower) + " " : "") +
                 ".." + (named.upper != nullptr ? " " + type_literal(*named.upper) : "") + ")";
        case RefinementKind::regex:
          return name + "(" + quoted(named.regex->value) + ")";
      }
      return name;
    }
    case TypeKind::generic: {
      const auto& generic = as<GenericType>(node);
      std::string out;
      for (const Type* argument : generic.arguments)
        out += (out.empty() ? "" : ", ") + type(*argument);
      return std::string(generic.name) + "[" + out + "]";
    }
    case TypeKind::literal:
      return type_literal(*as<LiteralType>(node).value);
    case TypeKind::union_: {
      std::string out;
      for (const Type* member : as<UnionType>(node).members)
        out += (out.empty() ? "" : " | ") + type(*member);
      return "(" + out + ")";
    }
    case TypeKind::optional:
      return type(*as<OptionalType>(node).inner) + "?";
  }
  return "";
}

std::string names(List<ImportName> list_) {
  std::string out;
  for (const ImportName& name : list_) {
    out += (out.empty() ? "" : ", ") + std::string(name.name);
    if (!name.alias.empty()) out += " as " + std::string(name.alias);
  }
  return out;
}

std::string address(const AddressRef& ref) {
  return std::string(ref.kind) + "[" + quoted(ref.name) + "]";
}

class Writer {
 public:
  // An empty block stands where its statements were broken; `pass` is told from it by the dump, so
  // such trees are not compared.
  void block(Block statements) {
    for (const Stmt* statement : statements) one(*statement);
  }
  std::string take() { return std::move(out_); }

 private:
  void line(const std::string& text) { out_ += std::string(depth_, ' ') + text + "\n"; }
  void header(const std::string& text, Block body) {
    line(text + ":");
    ++depth_;
    block(body);
    --depth_;
  }
  void otherwise(const std::string& text, Block body) {
    if (!body.empty()) header(text, body);
  }

  void one(const Stmt& node) {
    switch (node.kind) {
      case StmtKind::expression:
        return line("(" + expression(*as<ExpressionStmt>(node).expr) + ")");
      case StmtKind::assign: {
        const auto& assign = as<AssignStmt>(node);
        std::string text;
        for (const Expr* target : assign.targets) text += operand(*target) + " = ";
        return line(text + operand(*assign.value));
      }
      case StmtKind::augmented_assign: {
        const auto& assign = as<AugmentedAssignStmt>(node);
        return line(operand(*assign.target) + " " + std::string(symbol(assign.op)) + "= " +
                    operand(*assign.value));
      }
      case StmtKind::annotated_assign: {
        const auto& assign = as<AnnotatedAssignStmt>(node);
        return line(operand(*assign.target) + ": " + type(*assign.type) +
                    (assign.value != nullptr ? " = " + operand(*assign.value) : ""));
      }
      case StmtKind::if_: {
        const auto& choice = as<IfStmt>(node);
        for (const IfBranch& branch : choice.branches)
          header(
              (&branch == &choice.branches.front() ? "if " : "elif ") + operand(*branch.condition),
              branch.body);
        return otherwise("else", choice.else_body);
      }
      case StmtKind::for_: {
        const auto& each = as<ForStmt>(node);
        header(loop(*each.target, *each.iterable), each.body);
        return otherwise("else", each.else_body);
      }
      case StmtKind::while_: {
        const auto& each = as<WhileStmt>(node);
        header("while " + operand(*each.condition), each.body);
        return otherwise("else", each.else_body);
      }
      case StmtKind::function: {
        const auto& function = as<FunctionStmt>(node);
        return header("def " + std::string(function.name) + "(" +
                          parameter_list(function.parameters) + ")" +
                          (function.returns != nullptr ? " -> " + type(*function.returns) : ""),
                      function.body);
      }
      case StmtKind::return_: {
        const Expr* value = as<ReturnStmt>(node).value;
        return line(value == nullptr ? "return" : "return " + operand(*value));
      }
      case StmtKind::pass:
        return line("pass");
      case StmtKind::break_:
        return line("break");
      case StmtKind::continue_:
        return line("continue");
      case StmtKind::global: {
        std::string text;
        for (const NameExpr* name : as<GlobalStmt>(node).names)
          text += (text.empty() ? "global " : ", ") + std::string(name->name);
        return line(text);
      }
      case StmtKind::try_:
        return try_statement(as<TryStmt>(node));
      case StmtKind::raise: {
        const auto& raise = as<RaiseStmt>(node);
        std::string text = "raise";
        if (raise.exception != nullptr) text += " " + operand(*raise.exception);
        if (raise.value != nullptr) text += ", " + operand(*raise.value);
        if (raise.traceback != nullptr) text += ", " + operand(*raise.traceback);
        if (raise.cause != nullptr) text += " from " + operand(*raise.cause);
        return line(text);
      }
      case StmtKind::assert_: {
        const auto& check = as<AssertStmt>(node);
        return line("assert " + operand(*check.condition) +
                    (check.message != nullptr ? ", " + operand(*check.message) : ""));
      }
      case StmtKind::del: {
        std::string text;
        for (const Expr* target : as<DelStmt>(node).targets)
          text += (text.empty() ? "del " : ", ") + operand(*target);
        return line(as<DelStmt>(node).targets.empty() ? "del ()" : text);
      }
      case StmtKind::print: {
        const auto& print = as<PrintStmt>(node);
        std::string text = "print";
        if (print.destination != nullptr)
          text += " >>" + operand(*print.destination) + (print.values.empty() ? "" : ",");
        // In brackets one value would be a call's argument.
        const bool alone = print.values.size() == 1;
        for (const Expr* value : print.values)
          text += (value == print.values.front() ? " " : ", ") +
                  (alone ? expression(*value) : operand(*value));
        return line(text + (print.trailing_comma ? "," : ""));
      }
      case StmtKind::import:
        return line("import " + names(as<ImportStmt>(node).names));
      case StmtKind::from_import: {
        const auto& import = as<FromImportStmt>(node);
        return line("from " + std::string(import.module) + " import " +
                    (import.names.empty() ? "*" : names(import.names)));
      }
      case StmtKind::vm_import: {
        const auto& import = as<VmImportStmt>(node);
        return line("from " + quoted(import.path->value) + " import " + names(import.names));
      }
      case StmtKind::param: {
        const auto& param = as<ParamStmt>(node);
        return line("param " + std::string(param.name) +
                    (param.type != nullptr ? ": " + type(*param.type) : "") +
                    (param.default_value != nullptr ? " = " + operand(*param.default_value) : ""));
      }
      case StmtKind::moved: {
        const auto& moved = as<MovedStmt>(node);
        return line("moved " + address(moved.from) + " -> " + address(moved.to));
      }
      case StmtKind::declaration:
        return declaration(as<DeclarationStmt>(node));
      case StmtKind::lifecycle:
        return header("lifecycle", as<LifecycleStmt>(node).body);
    }
  }

  void try_statement(const TryStmt& node) {
    header("try", node.body);
    for (const ExceptHandler& handler : node.handlers) {
      std::string text = "except";
      if (handler.type != nullptr) text += " " + operand(*handler.type);
      if (handler.target != nullptr)
        text += (handler.legacy ? ", " : " as ") + operand(*handler.target);
      header(text, handler.body);
    }
    otherwise("else", node.else_body);
    otherwise("finally", node.finally_body);
  }

  void declaration(const DeclarationStmt& node) {
    std::string text = std::string(to_string(node.declared)) + " " + expression(*node.name);
    std::string templates;
    for (const TemplateUse& use : node.templates)
      templates += (templates.empty() ? "" : ", ") + std::string(use.name);
    if (!templates.empty()) text += "(" + templates + ")";
    switch (node.placement_kind) {
      case PlacementKind::none:
        break;
      case PlacementKind::in:
        text += " in " + operand(*node.placement);
        break;
      case PlacementKind::on:
        text += " on " + operand(*node.placement);
        break;
    }
    header(text, node.body);
  }

  std::size_t depth_ = 0;
  std::string out_;
};

}  // namespace

std::string unparse(const SyntaxTree& tree) {
  Writer writer;
  writer.block(tree.body);
  return writer.take();
}

}  // namespace hv::fuzz
