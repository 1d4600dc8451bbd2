//! Maps a file's columns to the fields of a product.

use std::fmt;
use std::str::FromStr;

/// A field of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Field {
    Sku,
    Name,
    Price,
    Description,
    Category,
    Currency,
}

/// Each field, whether a file must have the field, and the default column names, the best first.
const FIELDS: [(Field, bool, &[&str]); Field::ALL.len()] = [
    (Field::Sku, true, &["sku", "id"]),
    (Field::Name, true, &["name", "title"]),
    (Field::Price, true, &["price"]),
    (Field::Description, false, &["description"]),
    (Field::Category, false, &["category"]),
    (Field::Currency, false, &["currency"]),
];

impl Field {
    pub(super) const ALL: [Self; 6] = [
        Self::Sku,
        Self::Name,
        Self::Price,
        Self::Description,
        Self::Category,
        Self::Currency,
    ];

    pub(super) fn name(self) -> &'static str {
        FIELDS[self as usize].2[0]
    }
}

/// Parses `FIELD=COLUMN` of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnChoice {
    field: Field,
    column: String,
}

impl FromStr for ColumnChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || FIELDS.map(|(field, ..)| field.name()).join(", ");
        let (field, column) = text
            .split_once('=')
            .ok_or_else(|| format!("expected FIELD=COLUMN; the fields are {}", names()))?;
        let known = FIELDS.iter().find(|(known, ..)| known.name() == field);
        match known {
            Some(&(field, ..)) if !column.is_empty() => Ok(Self {
                field,
                column: column.to_owned(),
            }),
            Some(_) => Err("the name of the column is missing: give FIELD=COLUMN".to_owned()),
            None => Err(format!("`{field}` is not a field: {}", names())),
        }
    }
}

/// Explicit mappings. Other fields are found by column name, in any case.
#[derive(Debug, Clone, Default)]
pub struct Columns(Vec<ColumnChoice>);

impl From<Vec<ColumnChoice>> for Columns {
    fn from(choices: Vec<ColumnChoice>) -> Self {
        Self(choices)
    }
}

/// Index of each field among the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places([Option<usize>; FIELDS.len()]);

impl Places {
    pub(super) fn get(&self, field: Field) -> Option<usize> {
        self.0[field as usize]
    }
}

/// A column that the file does not have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MissingColumn(String);

impl fmt::Display for MissingColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Columns {
    /// Finds the fields among columns with these names.
    pub(super) fn places<N: AsRef<str>>(&self, names: &[N]) -> Places {
        let position = |column: &str| {
            let exact = names.iter().position(|name| name.as_ref() == column);
            exact.or_else(|| names.iter().position(|name| name.as_ref().eq_ignore_ascii_case(column)))
        };
        Places(FIELDS.map(|(field, _, guesses)| match self.choice(field) {
            Some(column) => position(column),
            None => guesses.iter().find_map(|guess| position(guess)),
        }))
    }

    /// Like [`places`](Self::places), but fails if a mapped column or a required field is missing.
    pub(super) fn all_places<N: AsRef<str>>(&self, names: &[N]) -> Result<Places, MissingColumn> {
        let places = self.places(names);
        for (field, needed, _) in FIELDS {
            let choice = self.choice(field);
            if places.get(field).is_some() || (choice.is_none() && !needed) {
                continue;
            }
            let there = names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
            let name = field.name();
            return Err(MissingColumn(match choice {
                Some(column) => format!("there is no column `{column}` for {name}; the columns are: {there}"),
                None => {
                    format!("no column is named {name}: name one with --column {name}=COLUMN; the columns are: {there}")
                }
            }));
        }
        Ok(places)
    }

    /// The last mapping of a field wins, as with flags.
    fn choice(&self, field: Field) -> Option<&str> {
        let choice = self.0.iter().rfind(|choice| choice.field == field);
        choice.map(|choice| choice.column.as_str())
    }
}
