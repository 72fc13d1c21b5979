//! Operators: arithmetic that never overflows silently, comparison, logic.

use hcl_edit::expr::{BinaryOp, BinaryOperator, UnaryOp, UnaryOperator};

use super::super::diagnostic::Failed;
use super::super::rule::SpecRule;
use super::super::source::Site;
use super::super::value::{Number, Value};
use super::{Evaluator, Outcome};

impl Evaluator<'_, '_> {
    pub(super) fn unary(&mut self, operation: &UnaryOp) -> Outcome {
        let site = self.site(&operation.expr);
        let operand = self.eval(&operation.expr)?;
        let secret = operand.holds_secret();
        let result = match operation.operator.value() {
            UnaryOperator::Not => Value::Bool(!self.expect_bool(site, &operand, "What follows !")?),
            UnaryOperator::Neg => {
                let number = self.expect_number(site, &operand)?;
                self.arithmetic(BinaryOperator::Minus, Number::Whole(0), number)?
            }
        };
        Ok(result.marked(secret))
    }

    pub(super) fn binary(&mut self, operation: &BinaryOp) -> Outcome {
        let operator = *operation.operator.value();
        let left_site = self.site(&operation.lhs_expr);
        let right_site = self.site(&operation.rhs_expr);
        if matches!(operator, BinaryOperator::And | BinaryOperator::Or) {
            return self.logic(operation, left_site, right_site);
        }
        // Both sides are evaluated even if the first fails: each has its own errors.
        let (left, right) = (self.eval(&operation.lhs_expr), self.eval(&operation.rhs_expr));
        let (left, right) = (left?, right?);
        let secret = left.holds_secret() || right.holds_secret();
        let result = match operator {
            BinaryOperator::Eq => Value::Bool(left.open().0 == right.open().0),
            BinaryOperator::NotEq => Value::Bool(left.open().0 != right.open().0),
            _ => {
                let left = self.expect_number(left_site, &left);
                let right = self.expect_number(right_site, &right);
                self.arithmetic(operator, left?, right?)?
            }
        };
        Ok(result.marked(secret))
    }

    /// The right side is evaluated only where the left does not decide.
    fn logic(&mut self, operation: &BinaryOp, left_site: Site, right_site: Site) -> Outcome {
        let is_and = matches!(operation.operator.value(), BinaryOperator::And);
        let what = if is_and { "Each side of &&" } else { "Each side of ||" };
        let left = self.eval(&operation.lhs_expr)?;
        let left_secret = left.holds_secret();
        let left = self.expect_bool(left_site, &left, what)?;
        if left != is_and {
            return Ok(Value::Bool(left).marked(left_secret));
        }
        let right = self.eval(&operation.rhs_expr)?;
        let right_secret = right.holds_secret();
        let right = self.expect_bool(right_site, &right, what)?;
        Ok(Value::Bool(right).marked(left_secret || right_secret))
    }

    fn expect_number(&mut self, site: Site, value: &Value) -> Result<Number, Failed> {
        value.to_number().ok_or_else(|| {
            self.error(
                SpecRule::Type,
                site,
                "Wrong type",
                format!("A number is needed here; this is {}.", value.show()),
            )
        })
    }

    fn arithmetic(&mut self, operator: BinaryOperator, left: Number, right: Number) -> Outcome {
        let site = self.outer;
        let compared = match operator {
            BinaryOperator::Less => Some(left < right),
            BinaryOperator::LessEq => Some(left <= right),
            BinaryOperator::Greater => Some(left > right),
            BinaryOperator::GreaterEq => Some(left >= right),
            _ => None,
        };
        if let Some(compared) = compared {
            return Ok(Value::Bool(compared));
        }
        let by_zero = matches!(operator, BinaryOperator::Div | BinaryOperator::Mod) && right.as_f64() == 0.0;
        if by_zero {
            return Err(self.error(
                SpecRule::Expression,
                site,
                "Division by zero",
                "What stands right of / or % is zero.",
            ));
        }
        calculate(operator, left, right).map(Value::Number).ok_or_else(|| {
            self.error(
                SpecRule::Expression,
                site,
                "Number out of range",
                "The result is larger than any number can be.",
            )
        })
    }
}

/// Exact where both are whole and the result is; in floating point otherwise. `None` when it is no finite number.
fn calculate(operator: BinaryOperator, left: Number, right: Number) -> Option<Number> {
    if let (Some(a), Some(b)) = (left.as_whole(), right.as_whole()) {
        let exact = match operator {
            BinaryOperator::Plus => a.checked_add(b),
            BinaryOperator::Minus => a.checked_sub(b),
            BinaryOperator::Mul => a.checked_mul(b),
            BinaryOperator::Div => a.checked_rem(b).filter(|rest| *rest == 0).and_then(|_| a.checked_div(b)),
            BinaryOperator::Mod => a.checked_rem(b),
            _ => None,
        };
        if let Some(exact) = exact {
            return Some(Number::Whole(exact));
        }
    }
    let (a, b) = (left.as_f64(), right.as_f64());
    Number::from_f64(match operator {
        BinaryOperator::Plus => a + b,
        BinaryOperator::Minus => a - b,
        BinaryOperator::Mul => a * b,
        BinaryOperator::Div => a / b,
        _ => a % b,
    })
}
