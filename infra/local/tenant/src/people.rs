//! The users, found by what they are called without looking at all of them: load tests bring thousands.

use std::collections::{BTreeMap, HashMap};

use crate::user::Person;

/// All users, in the order in which they were added.
#[derive(Default)]
pub(crate) struct People {
    next: u64,
    by_number: BTreeMap<u64, Person>,
    by_id: HashMap<String, u64>,
    /// E-mail addresses and usernames in lower case. One name can be several users', each of another connection.
    by_name: HashMap<String, Vec<u64>>,
}

impl People {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Person> {
        self.by_number.values()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Person> {
        self.by_number.get(self.by_id.get(id)?)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Person> {
        self.by_number.get_mut(self.by_id.get(id)?)
    }

    /// Those who type this as their name, in the order in which they were added.
    pub(crate) fn called(&self, identifier: &str) -> impl Iterator<Item = &Person> {
        let numbers = self.by_name.get(&identifier.to_ascii_lowercase());
        numbers.into_iter().flatten().filter_map(|number| self.by_number.get(number))
    }

    /// Adds a user, unless there is one with this id, or with one of these names in the same connection.
    pub(crate) fn add(&mut self, person: Person) -> bool {
        let is_same = |number| self.by_number.get(number).is_some_and(|other| other.connection == person.connection);
        let is_taken = |name: String| self.by_name.get(&name).is_some_and(|numbers| numbers.iter().any(is_same));
        if self.by_id.contains_key(&person.id) || person.names().any(is_taken) {
            return false;
        }
        let number = self.next;
        self.next += 1;
        self.by_id.insert(person.id.clone(), number);
        for name in person.names() {
            let numbers = self.by_name.entry(name).or_default();
            // A username may be the e-mail address.
            if numbers.last() != Some(&number) {
                numbers.push(number);
            }
        }
        self.by_number.insert(number, person);
        true
    }

    /// Removes the user with this id, and whoever types it as a name.
    pub(crate) fn remove(&mut self, user: &str) {
        let called = self.by_name.get(&user.to_ascii_lowercase()).cloned().unwrap_or_default();
        for number in self.by_id.get(user).copied().into_iter().chain(called) {
            let Some(person) = self.by_number.remove(&number) else { continue };
            self.by_id.remove(&person.id);
            for name in person.names() {
                if let Some(numbers) = self.by_name.get_mut(&name) {
                    numbers.retain(|other| *other != number);
                    if numbers.is_empty() {
                        self.by_name.remove(&name);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::User;

    fn people(users: impl IntoIterator<Item = User>) -> People {
        let mut people = People::default();
        for user in users {
            assert!(people.add(user.into_person(0).unwrap()));
        }
        people
    }

    fn ids<'a>(people: impl Iterator<Item = &'a Person>) -> Vec<&'a str> {
        people.map(|person| person.id.as_str()).collect()
    }

    #[test]
    fn a_user_is_found_by_id_and_by_either_name_in_any_case() {
        let people =
            people([User::new("Ada@example.com", "p").id("1").username("Countess"), User::new("b", "p").id("2")]);
        assert!(people.get("1").is_some() && people.get("Ada@example.com").is_none());
        for name in ["ada@EXAMPLE.com", "countess"] {
            assert_eq!(ids(people.called(name)), ["1"], "{name}");
        }
        assert_eq!(ids(people.iter()), ["1", "2"]);
    }

    #[test]
    fn one_name_can_be_a_user_of_each_connection() {
        let people = people([User::new("ada", "p").id("2"), User::new("ada", "p").id("1").connection("other")]);
        assert_eq!(ids(people.called("ada")), ["2", "1"], "in the order in which they were added");
    }

    #[test]
    fn an_id_and_a_name_are_taken_once() {
        let mut people = people([User::new("ada", "p").id("1").username("countess")]);
        let mut add = |user: User| people.add(user.into_person(0).unwrap());
        assert!(!add(User::new("bob", "p").id("1")));
        assert!(!add(User::new("ADA", "p")));
        assert!(!add(User::new("Countess", "p")));
        assert!(!add(User::new("bob", "p").username("ada")));
        assert!(add(User::new("ada", "p").connection("other")));
        assert!(add(User::new("bob", "p")));
    }

    #[test]
    fn a_removed_user_is_found_by_nothing() {
        let mut people = people([User::new("ada", "p").id("1").username("ada"), User::new("bob", "p").id("2")]);
        people.remove("ADA");
        people.remove("nobody");
        assert!(people.get("1").is_none() && people.called("ada").next().is_none());
        people.remove("2");
        assert_eq!(people.iter().count() + people.by_id.len() + people.by_name.len(), 0);
    }
}
