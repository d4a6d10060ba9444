//! Structured fields (RFC 8941) as far as signatures need them, read through the visitors of `sfv`.
//!
//! Stricter than the RFC in one point: of equal keys it takes the last, and we refuse them. Two readers of one request that choose differently are
//! how a signature over one thing comes to stand for another.

use std::convert::Infallible;

use sfv::visitor::{
    DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor, ParameterVisitor,
};
use sfv::{
    BareItem, BareItemFromInput, ItemSerializer, Key, KeyRef, ListSerializer, Parser, StringRef, Version,
};

use crate::{Refusal, limits};

/// A member of a dictionary: the list or the bytes that it is, neither if it is of another type.
#[derive(Default)]
pub(crate) struct Member {
    pub(crate) list: Option<InnerList>,
    pub(crate) bytes: Option<Vec<u8>>,
}

/// An inner list of texts, such as the covered components of a signature, with its parameters.
#[derive(Default)]
pub(crate) struct InnerList {
    pub(crate) items: Vec<Text>,
    pub(crate) parameters: Parameters,
}

/// A text with parameters, such as the identifier of a component.
#[derive(PartialEq)]
pub(crate) struct Text {
    pub(crate) text: sfv::String,
    pub(crate) parameters: Parameters,
}

#[derive(Default, PartialEq)]
pub(crate) struct Parameters(pub(crate) Vec<(Key, BareItem)>);

/// Reads a dictionary's members, in their order.
///
/// # Errors
/// [`Refusal::FieldMalformed`], also for equal keys and for more members, items or parameters than [`limits`] allow.
pub(crate) fn dictionary(field: &str) -> Result<Vec<(String, Member)>, Refusal> {
    Parser::new(field)
        .with_version(Version::Rfc8941)
        .parse_dictionary_with_visitor(Members(Vec::new()))
        .map_err(|_| Refusal::FieldMalformed)
}

impl InnerList {
    /// The list as RFC 9421 section 2.3 has it signed: in the one spelling that serializing gives.
    pub(crate) fn to_text(&self) -> String {
        let mut list = ListSerializer::new();
        let mut inner = list.inner_list();
        for item in &self.items {
            let text: &StringRef = &item.text;
            inner.bare_item(text).parameters(item.parameters.0.iter().map(|(key, value)| (key, value)));
        }
        inner.finish().parameters(self.parameters.0.iter().map(|(key, value)| (key, value)));
        list.finish().unwrap_or_default()
    }
}

impl Text {
    pub(crate) fn to_text(&self) -> String {
        let text: &StringRef = &self.text;
        let item = ItemSerializer::new().bare_item(text);
        item.parameters(self.parameters.0.iter().map(|(key, value)| (key, value))).finish()
    }
}

struct Members(Vec<(String, Member)>);

impl<'de> DictionaryVisitor<'de> for Members {
    type Out = Vec<(String, Member)>;
    type Error = Refusal;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Refusal> {
        let known = self.0.iter().any(|(name, _)| name == key.as_str());
        if known || self.0.len() == limits::SIGNATURES {
            return Err(Refusal::FieldMalformed);
        }
        let (_, member) = self.0.push_mut((key.as_str().to_owned(), Member::default()));
        Ok(member)
    }

    fn finish(self) -> Result<Self::Out, Refusal> {
        Ok(self.0)
    }
}

impl<'de> EntryVisitor<'de> for &mut Member {
    type Error = Infallible;

    fn item(self) -> Result<impl ItemVisitor<'de>, Infallible> {
        Ok(self)
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, Infallible> {
        Ok(self.list.insert(InnerList::default()))
    }
}

impl<'de> ItemVisitor<'de> for &mut Member {
    type Out = ();
    type Error = Infallible;

    fn bare_item(
        self,
        item: BareItemFromInput<'de>,
    ) -> Result<impl ParameterVisitor<'de, Out = ()>, Infallible> {
        if let BareItemFromInput::ByteSequence(bytes) = item {
            self.bytes = Some(bytes);
        }
        Ok(Ignored)
    }
}

impl<'de> InnerListVisitor<'de> for &mut InnerList {
    type Error = Refusal;

    fn item(&mut self) -> Result<impl ItemVisitor<'de>, Refusal> {
        if self.items.len() == limits::COMPONENTS {
            return Err(Refusal::FieldMalformed);
        }
        Ok(NewText(&mut self.items))
    }

    fn finish(self) -> Result<impl ParameterVisitor<'de>, Refusal> {
        Ok(&mut self.parameters)
    }
}

struct NewText<'a>(&'a mut Vec<Text>);

impl<'de> ItemVisitor<'de> for NewText<'_> {
    type Out = ();
    type Error = Refusal;

    fn bare_item(
        self,
        item: BareItemFromInput<'de>,
    ) -> Result<impl ParameterVisitor<'de, Out = ()>, Refusal> {
        let BareItemFromInput::String(text) = item else { return Err(Refusal::FieldMalformed) };
        let item = self.0.push_mut(Text { text: text.into_owned(), parameters: Parameters::default() });
        Ok(&mut item.parameters)
    }
}

impl<'de> ParameterVisitor<'de> for &mut Parameters {
    type Out = ();
    type Error = Refusal;

    fn parameter(&mut self, key: &'de KeyRef, value: BareItemFromInput<'de>) -> Result<(), Refusal> {
        let known = self.0.iter().any(|(name, _)| name.as_str() == key.as_str());
        if known || self.0.len() == limits::PARAMETERS {
            return Err(Refusal::FieldMalformed);
        }
        self.0.push((key.to_owned(), value.into()));
        Ok(())
    }

    fn finish(self) -> Result<(), Refusal> {
        Ok(())
    }
}
