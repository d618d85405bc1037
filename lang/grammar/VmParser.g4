// The language of `.vm` files: the grammar that hv parses with, and its readable reference.
//
// Tokens come from lang/tokens.cpp, not from an ANTLR lexer, because two things are no lexer's work:
// indentation (NEWLINE, INDENT and DEDENT are tokens here) and the words that are names in old files
// and declare in new ones (`domain = "x"` is an assignment, `domain web:` a declaration). The second
// kind of word arrives as 'domain', 'print', … only where it begins such a statement, as plain NAME
// everywhere else. VmTokens.tokens holds the vocabulary.
//
// The grammar takes a superset: Python 2 and Python 3 forms side by side, any expression as an
// assignment's target, operators as one flat run. lang/build.cpp gives operators their precedence
// and refuses with good words what only looks right; the compiler decides what a domain file may use
// and what a module. The file is parsed one file-level statement at a time, without ANTLR's parse
// tree: every child that the builder needs has a label.
parser grammar VmParser;

options {
  tokenVocab = VmTokens;
}

@parser::members {
  // Both hide the runtime's own, which ask for types by name for every rule; here they are known.
  void exitRule() {
    _ctx->stop = _input->LT(-1);
    setState(_ctx->invokingState);
    _ctx = static_cast<antlr4::ParserRuleContext*>(_ctx->parent);
  }
  template <typename T>
  T* getInterpreter() const {
    return static_cast<T*>(_interpreter);
  }
}

// ---- entry points: one statement of a file, one expression -----------------------------------

unit
  : body=statement EOF
  ;

expressionUnit
  : value=expressions NEWLINE? EOF
  ;

// ---- statements -------------------------------------------------------------------------------

// The rule at which parsing recovers: what is broken inside ends with this statement.
// PLAIN_LINE is `NAME = value` with its NEWLINE, the value made of literals only: most lines are
// that, and the builder reads them from the tokens themselves.
statement
  : plain=PLAIN_LINE
  | simple=simpleLine
  | choice=ifStatement
  | loop=forStatement
  | again=whileStatement
  | guarded=tryStatement
  | function=functionDefinition
  | declared=declaration
  | life=lifecycleBlock
  ;

simpleLine
  : ';'* (parts+=smallStatement (';' parts+=smallStatement?)*)? NEWLINE
  ;

block
  : NEWLINE INDENT statements+=statement* DEDENT
  | line=blockLine
  ;

// Unlike a line of its own (xl takes empty settings) it needs a statement, as in Python.
blockLine
  : parts+=smallStatement (';' parts+=smallStatement)* ';'? NEWLINE
  ;

ifStatement
  : 'if' conditions+=expression ':' bodies+=block
    (elifs+='elif' conditions+=expression ':' bodies+=block)*
    ('else' ':' otherwise=block)?
  ;

forStatement
  : 'for' bound=targets 'in' iterable=expressions ':' body=block ('else' ':' otherwise=block)?
  ;

whileStatement
  : 'while' condition=expression ':' body=block ('else' ':' otherwise=block)?
  ;

tryStatement
  : 'try' ':' body=block
    ( handlers+=exceptClause+ ('else' ':' otherwise=block)? ('finally' ':' last=block)?
    | 'finally' ':' last=block
    )
  ;

// `except E, e` is Python 2's, `except E as e` both.
exceptClause
  : 'except' (caught=expression (how=(',' | 'as') bound=primary)?)? ':' body=block
  ;

functionDefinition
  : 'def' name=NAME '(' parameters=parameterList? ')' ('->' result=type)? ':' body=block
  ;

parameterList
  : items+=parameter (',' items+=parameter)* ','?
  ;

parameter
  : stars='*' name=NAME? (':' annotation=type)?
  | stars='**' name=NAME (':' annotation=type)?
  | slash='/'
  | (name=NAME | pattern=paren) (':' annotation=type)? ('=' value=expression)?
  ;

// What stands between `;`s.
smallStatement
  : expression_=expressionStatement
  | word=('pass' | 'break' | 'continue')
  | return_='return' value=expressions?
  | raise_='raise' (first=expression (',' second=expression (',' third=expression)? | 'from' cause=expression)?)?
  | assert_='assert' first=expression (',' second=expression)?
  | del_='del' value=expressions
  | global_='global' names+=NAME (',' names+=NAME)*
  | print_=printStatement
  | import_='import' modules+=importedModule (',' modules+=importedModule)*
  | fromImport_=fromImport
  | param_='param' name=NAME (':' annotation=type)? ('=' first=expression)?
  | moved_='moved' from_=address '->' to=address
  ;

expressionStatement
  : first=expressions
    ( ':' annotation=type (equals='=' value=expressions)?
    | operator_=AUGMENTED value=expressions
    | ('=' more+=expressions)*
    )
  ;

// Python 2's. `print(x)` alone is a call, and does not come here.
printStatement
  : 'print' ( '>>' destination=expression (',' values+=expression)* trailing=','?
            | values+=expression (',' values+=expression)* trailing=','?
            )?
  ;

importedModule
  : module=dottedName ('as' alias=NAME)?
  ;

fromImport
  : 'from' (path=strings | module=dottedName) 'import'
    ( star='*'
    | '(' names+=importedName (',' names+=importedName)* ','? ')'
    | names+=importedName (',' names+=importedName)*
    )
  ;

importedName
  : name=NAME ('as' alias=NAME)?
  ;

dottedName
  : parts+=NAME ('.' parts+=NAME)*
  ;

// ---- declarations -----------------------------------------------------------------------------

declaration
  : kind=('domain' | 'vdisk' | 'pool' | 'network' | 'template' | 'schema')
    (name=NAME | text=strings (percent='%' (value=dottedName | values=paren))?)
    (open='(' (templates+=dottedName (',' templates+=dottedName)* ','?)? ')')?
    (place=('in' | 'on') where=expression)?
    colon=':' body=block
  ;

lifecycleBlock
  : 'lifecycle' ':' body=block
  ;

// KIND.NAME, KIND["NAME"]
address
  : kind=NAME ('.' name=NAME | '[' text=STRING close=']')
  ;

// ---- expressions ------------------------------------------------------------------------------

// One expression, or a tuple without brackets.
expressions
  : items+=element (',' items+=element)* trailing=','?
  ;

element
  : star='*' value=expression
  | value=expression
  ;

expression
  : lambda_=lambda
  | value=operation ('if' condition=operation 'else' otherwise=expression)?
  ;

lambda
  : 'lambda' (parameters+=lambdaParameter (',' parameters+=lambdaParameter)* ','?)? ':' body=expression
  ;

lambdaParameter
  : stars='*' name=NAME?
  | stars='**' name=NAME
  | slash='/'
  | (name=NAME | pattern=paren) ('=' value=expression)?
  ;

// Operands and operators as they come. Precedence, from loose to tight, is Python's:
// or · and · not · in, not in, is, is not, <, <=, >, >=, ==, !=, <> (chained) · | · ^ · & · << >> ·
// + - · * / // % · unary + - ~ · ** (right to left)
operation
  : prefixes+=('not' | '-' | '+' | '~')* operands+=primary
    ( operators+=( 'or' | 'and' | 'in' | 'not in' | 'is' | 'is not'
                 | '<' | '<=' | '>' | '>=' | '==' | '!=' | '<>'
                 | '|' | '^' | '&' | '<<' | '>>' | '+' | '-' | '*' | '/' | '//' | '%' | '**')
      prefixes+=('not' | '-' | '+' | '~')* operands+=primary
    )*
  ;

// What `for` binds: no operators, for `in` is not one here.
targets
  : items+=target (',' items+=target)* trailing=','?
  ;

target
  : star='*'? value=primary
  ;

primary
  : ( simple=(NAME | INTEGER | FLOAT | SIZE | DURATION | 'None' | 'True' | 'False')
    | literal=PLAIN_VALUE  // strings and lists of literals, as above
    | text=strings
    | round=paren
    | square=listDisplay
    | curly=braceDisplay
    | quoted=backquoted
    )
    trailers+=trailer*
  ;

trailer
  : open='(' (arguments+=argument (',' arguments+=argument)* ','?)? close=')'
  | open='[' indices+=index (',' indices+=index)* trailing=','? close=']'
  | dot='.' name=NAME
  ;

argument
  : stars=('*' | '**') value=expression
  | value=expression (equals='=' named=expression | fors+=comprehensionFor+)?
  ;

index
  : lower=expression (colon=':' upper=expression? (':' step=expression?)?)?
  | colon=':' upper=expression? (':' step=expression?)?
  ;

paren
  : open='(' (items+=element (fors+=comprehensionFor+ | (',' items+=element)* trailing=','?))? close=')'
  ;

listDisplay
  : open='[' (items+=element (fors+=listFor+ | (',' items+=element)* ','?))? close=']'
  ;

braceDisplay
  : open='{' (items+=braceItem (fors+=comprehensionFor+ | (',' items+=braceItem)* ','?))? close='}'
  ;

braceItem
  : stars=('*' | '**') value=expression
  | key=expression (':' value=expression)?
  ;

comprehensionFor
  : word='for' bound=targets 'in' iterable=operation ('if' conditions+=operation)*
  ;

// `[x for x in 1, 2]` is Python 2's.
listFor
  : word='for' bound=targets 'in' iterables+=operation (',' iterables+=operation)* ','?
    ('if' conditions+=operation)*
  ;

backquoted
  : open='`' value=expressions close='`'
  ;

// Adjacent literals are one.
strings
  : parts+=stringPart+
  ;

stringPart
  : plain=STRING
  | open=FSTRING_BEGIN pieces+=fstringPiece* close=FSTRING_END
  ;

fstringPiece
  : text=FSTRING_TEXT
  | open=FIELD_BEGIN value=expressions debug=FIELD_DEBUG? conversion=FIELD_CONVERSION?
    (format=FIELD_FORMAT pieces+=fstringPiece*)? close=FIELD_END
  ;

// ---- types: after `:` in param, fields, parameters and annotated assignments, and after `->` --

type
  : members+=typePostfix ('|' members+=typePostfix)*
  ;

typePostfix
  : inner=typePrimary optional+='?'*
  ;

typePrimary
  : name=NAME ( '[' arguments+=type (',' arguments+=type)* ','? close=']'
              | open='(' refinement=typeRefinement close=')'
              )?
  | literal=typeLiteral
  | '(' group=type ')'
  ;

// int(1..254), size(..64GiB), str("^[a-z]+$")
typeRefinement
  : lower=typeLiteral? range='..' upper=typeLiteral?
  | pattern=strings
  ;

typeLiteral
  : minus='-'? number=(INTEGER | FLOAT | SIZE | DURATION)
  | word=('None' | 'True' | 'False')
  | text=strings
  ;
