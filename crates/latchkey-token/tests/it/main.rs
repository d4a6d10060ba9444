mod credential;
mod generate;
mod properties;
mod tag;
mod vectors;
