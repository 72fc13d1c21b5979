//! What README and docs say is true: links lead somewhere, command lines are understood, specs are valid, and what is
//! made from the code is current.

mod defaults;
mod lines;
mod links;
mod pages;
mod reference;
mod schema;
mod specs;
mod told;
