//! What is told of others: which server runs a member, who is at work, what does not answer, what is missing.

use crate::harbour::{BILLING, ORDERS, fleet};

#[cfg(all(feature = "mysql", feature = "postgresql"))]
#[test]
fn explain_names_what_runs_a_member() {
    let harbour = fleet(&[ORDERS, BILLING]);
    let told = harbour.run(&["explain"]).expect(0).out;
    for heading in ["orders: PostgreSQL, version 15.", "billing: mariadb, version 10.11."] {
        assert_eq!(told.lines().filter(|line| line.starts_with(heading)).count(), 1, "{told}");
    }
}
