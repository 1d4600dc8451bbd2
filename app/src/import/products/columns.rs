//! Which column of a file is which field of a product.

use std::fmt;
use std::str::FromStr;

/// A field of a product that a column can give.
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

/// Field, whether every product needs it, and the column names that are taken for it, the best first.
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

/// `FIELD=COLUMN`, as the command line gives it.
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
            .ok_or_else(|| format!("it has the form FIELD=COLUMN, and the fields are {}", names()))?;
        let known = FIELDS.iter().find(|(known, ..)| known.name() == field);
        match known {
            Some(&(field, ..)) if !column.is_empty() => Ok(Self {
                field,
                column: column.to_owned(),
            }),
            Some(_) => Err("the name of the column is missing".to_owned()),
            None => Err(format!("`{field}` is not a field: {}", names())),
        }
    }
}

/// Which columns were named. The others are guessed by their names, whatever their case.
#[derive(Debug, Clone, Default)]
pub struct Columns(Vec<ColumnChoice>);

impl From<Vec<ColumnChoice>> for Columns {
    fn from(choices: Vec<ColumnChoice>) -> Self {
        Self(choices)
    }
}

/// Where each field is among the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places([Option<usize>; FIELDS.len()]);

impl Places {
    pub(super) fn of(&self, field: Field) -> Option<usize> {
        self.0[field as usize]
    }
}

/// A column that a file does not have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MissingColumn(String);

impl fmt::Display for MissingColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Columns {
    /// Where the fields are among columns of these names.
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

    /// The same, where every column that was named and every field that is needed must be there.
    pub(super) fn all_places<N: AsRef<str>>(&self, names: &[N]) -> Result<Places, MissingColumn> {
        let places = self.places(names);
        for (field, needed, _) in FIELDS {
            let choice = self.choice(field);
            if places.of(field).is_some() || (choice.is_none() && !needed) {
                continue;
            }
            let there = names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
            let name = field.name();
            return Err(MissingColumn(match choice {
                Some(column) => format!("there is no column `{column}` for {name}; the columns are: {there}"),
                None => format!(
                    "no column is called {name}: say which it is with --column {name}=COLUMN; the columns are: {there}"
                ),
            }));
        }
        Ok(places)
    }

    /// The last choice wins, as flags do.
    fn choice(&self, field: Field) -> Option<&str> {
        let choice = self.0.iter().rfind(|choice| choice.field == field);
        choice.map(|choice| choice.column.as_str())
    }
}
