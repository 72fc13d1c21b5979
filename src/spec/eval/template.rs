//! Templates: `"${…}"`, `%{ if … }`, `%{ for … }`, and `~` that strips the space beside it.

use hcl_edit::expr::Expression;
use hcl_edit::template::{Directive, Element, ForDirective, IfDirective, StringTemplate, Strip, Template};

use super::super::diagnostic::Failed;
use super::super::rule::SpecRule;
use super::super::value::Value;
use super::{Evaluator, Outcome};

/// A text under way, and whether anything secret went into it.
#[derive(Default)]
struct Text {
    text: String,
    secret: bool,
}

/// What the markers around a run of elements strip.
#[derive(Clone, Copy, Default)]
struct Edges {
    strip_start: bool,
    strip_end: bool,
}

impl Evaluator<'_, '_> {
    pub(super) fn string_template(&mut self, template: &StringTemplate) -> Outcome {
        let elements: Vec<&Element> = template.iter().collect();
        // "${x}" alone is x itself, whatever its type, as in Terraform.
        if let [Element::Interpolation(only)] = elements.as_slice() {
            return self.eval(&only.expr);
        }
        self.render(&elements)
    }

    pub(super) fn template(&mut self, template: &Template) -> Outcome {
        let elements: Vec<&Element> = template.iter().collect();
        self.render(&elements)
    }

    fn render(&mut self, elements: &[&Element]) -> Outcome {
        let mut text = Text::default();
        self.elements(elements, Edges::default(), &mut text)?;
        Ok(Value::String(text.text).marked(text.secret))
    }

    fn elements(&mut self, elements: &[&Element], edges: Edges, out: &mut Text) -> Result<(), Failed> {
        let mut result = Ok(());
        for (index, element) in elements.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|index| elements.get(index));
            let after = elements.get(index + 1);
            let done = match element {
                Element::Literal(literal) => {
                    let mut literal = literal.value().as_str();
                    if before.map_or(edges.strip_start, |element| closing_strip(element)) {
                        literal = literal.trim_start();
                    }
                    if after.map_or(edges.strip_end, |element| opening_strip(element)) {
                        literal = literal.trim_end();
                    }
                    out.text.push_str(literal);
                    Ok(())
                }
                Element::Interpolation(interpolation) => self.interpolation(&interpolation.expr, out),
                Element::Directive(directive) => match directive.as_ref() {
                    Directive::If(directive) => self.if_directive(directive, out),
                    Directive::For(directive) => self.for_directive(directive, out),
                },
            };
            result = result.and(done);
        }
        result
    }

    fn interpolation(&mut self, expression: &Expression, out: &mut Text) -> Result<(), Failed> {
        let site = self.site(expression);
        let value = self.eval(expression)?;
        out.secret |= value.holds_secret();
        match value.to_text() {
            Some(text) => {
                self.spend(site, text.len() as u64)?;
                out.text.push_str(&text);
                Ok(())
            }
            None => {
                let detail = format!("Only strings, numbers and bools go into a text; this is {}.", value.show());
                Err(self.error(SpecRule::Type, site, "Wrong type in a template", detail))
            }
        }
    }

    fn if_directive(&mut self, directive: &IfDirective, out: &mut Text) -> Result<(), Failed> {
        let opening = &directive.if_expr;
        let site = self.site(&opening.cond_expr);
        let condition = self.eval(&opening.cond_expr)?;
        out.secret |= condition.holds_secret();
        let end = directive.endif_expr.strip;
        let (template, strip_start, strip_end) = if self.expect_bool(site, &condition, "The condition after if")? {
            let next = directive.else_expr.as_ref().map_or(end, |otherwise| otherwise.strip);
            (&opening.template, opening.strip.strip_end(), next.strip_start())
        } else if let Some(otherwise) = &directive.else_expr {
            (&otherwise.template, otherwise.strip.strip_end(), end.strip_start())
        } else {
            return Ok(());
        };
        let elements: Vec<&Element> = template.iter().collect();
        self.elements(&elements, Edges { strip_start, strip_end }, out)
    }

    fn for_directive(&mut self, directive: &ForDirective, out: &mut Text) -> Result<(), Failed> {
        let opening = &directive.for_expr;
        let site = self.site(&opening.collection_expr);
        let collection = self.eval(&opening.collection_expr)?;
        let secret = collection.holds_secret();
        out.secret |= secret;
        let edges =
            Edges { strip_start: opening.strip.strip_end(), strip_end: directive.endfor_expr.strip.strip_start() };
        let elements: Vec<&Element> = opening.template.iter().collect();
        for (key, value) in self.pairs_of(site, collection)? {
            self.spend(site, super::STEP)?;
            let mark = self.cx.scope.mark();
            if let Some(name) = &opening.key_var {
                self.cx.scope.bind(name.as_str(), key.marked(secret));
            }
            self.cx.scope.bind(opening.value_var.as_str(), value.marked(secret));
            let before = out.text.len();
            let done = self.elements(&elements, edges, out);
            self.cx.scope.unbind_to(mark);
            done?;
            self.spend(site, (out.text.len() - before) as u64)?;
        }
        Ok(())
    }
}

fn opening_strip(element: &Element) -> bool {
    let strip = match element {
        Element::Literal(_) => Strip::None,
        Element::Interpolation(interpolation) => interpolation.strip,
        Element::Directive(directive) => match directive.as_ref() {
            Directive::If(directive) => directive.if_expr.strip,
            Directive::For(directive) => directive.for_expr.strip,
        },
    };
    strip.strip_start()
}

fn closing_strip(element: &Element) -> bool {
    let strip = match element {
        Element::Literal(_) => Strip::None,
        Element::Interpolation(interpolation) => interpolation.strip,
        Element::Directive(directive) => match directive.as_ref() {
            Directive::If(directive) => directive.endif_expr.strip,
            Directive::For(directive) => directive.endfor_expr.strip,
        },
    };
    strip.strip_end()
}
