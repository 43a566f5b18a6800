//! Function calls as syntax.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, Value,
};

/// A call of a function by its name.
pub fn call(function: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(function)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments
                .into_iter()
                .map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)))
                .collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// The plain arguments of a call; `None` where there are named ones, stars or clauses.
pub fn plain_arguments(arguments: &FunctionArguments) -> Option<Vec<Expr>> {
    match arguments {
        FunctionArguments::None => Some(vec![]),
        FunctionArguments::List(list) if list.clauses.is_empty() && list.duplicate_treatment.is_none() => {
            plain(&list.args)
        }
        _ => None,
    }
}

pub fn plain(arguments: &[FunctionArg]) -> Option<Vec<Expr>> {
    arguments
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression.clone()),
            _ => None,
        })
        .collect()
}

/// A whole number.
pub fn whole(number: u32) -> Expr {
    Expr::value(Value::Number(number.to_string(), false))
}

/// A text in quotes.
pub fn quoted_text(text: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(text.to_string()))
}

/// A name as PostgreSQL folds it: lower case unless quoted.
pub fn folded(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

/// The last part of a name in lower case, if the parts before it are none or a schema of PostgreSQL's own.
pub fn catalog_name(name: &ObjectName) -> Option<String> {
    let parts: Option<Vec<&Ident>> = name.0.iter().map(|part| part.as_ident()).collect();
    match parts?.as_slice() {
        [only] => Some(folded(only)),
        [schema, last] if matches!(folded(schema).as_str(), "pg_catalog" | "information_schema") => Some(folded(last)),
        _ => None,
    }
}
