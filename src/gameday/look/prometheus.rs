//! A query of Prometheus (its HTTP API, `GET /api/v1/query`), and its bounds.

use std::fmt::Write as _;
use std::time::Duration;

use http::{Method, Uri};
use serde_json::Value;

use super::Seen;
use super::http::headers;
use crate::cluster::Web;
use crate::gameday::check::Query;

/// Where the query is asked.
pub(super) fn uri(query: &Query) -> Result<Uri, String> {
    let base = query.url.to_string();
    let text = format!(
        "{}/api/v1/query?query={}",
        base.trim_end_matches('/'),
        encoded(&query.query)
    );
    text.parse().map_err(|error| format!("{text} is no URL: {error}"))
}

pub(super) async fn look(web: &Web, query: &Query, within: Duration) -> Seen {
    let answer = web
        .send(Method::GET, headers(&query.headers)?, Vec::new(), within)
        .await?;
    let body: Value = serde_json::from_str(&answer.body).map_err(|_| format!("status {}, no JSON", answer.status))?;
    if let Some(error) = body["error"].as_str() {
        return Err(format!("Prometheus says: {error}"));
    }
    if !answer.status.is_success() {
        return Err(format!("status {}", answer.status));
    }
    judge(query, &values(&body)?)
}

/// The values of an answer: of a scalar, or of each series of a vector.
fn values(body: &Value) -> Result<Vec<f64>, String> {
    let data = &body["data"];
    let number = |sample: &Value| {
        let text = sample.get(1).and_then(Value::as_str);
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| "a sample without a number".to_owned())
    };
    match (data["resultType"].as_str(), &data["result"]) {
        (Some("scalar"), sample) => Ok(vec![number(sample)?]),
        (Some("vector"), Value::Array(series)) => series.iter().map(|one| number(&one["value"])).collect(),
        (Some(kind), _) => Err(format!("the result is a {kind}, not a value at a time")),
        (None, _) => Err("the answer is none of Prometheus".to_owned()),
    }
}

/// The value that is nearest to its bound, or beyond it.
fn judge(query: &Query, values: &[f64]) -> Seen {
    if values.is_empty() {
        return Err("the query has no value".to_owned());
    }
    let wrong = |value: &&f64| {
        let low = query.above.is_some_and(|bound| **value <= bound || value.is_nan());
        let high = query.below.is_some_and(|bound| **value >= bound || value.is_nan());
        low || high
    };
    if let Some(value) = values.iter().find(wrong) {
        return Err(match (query.above, query.below) {
            (Some(above), _) if *value <= above => format!("{value} is not above {above}"),
            (_, Some(below)) => format!("{value} is not below {below}"),
            _ => format!("{value}"),
        });
    }
    Ok(values
        .iter()
        .copied()
        .reduce(if query.below.is_some() { f64::max } else { f64::min }))
}

/// As a part of a query (RFC 3986, section 2.3: unreserved characters stay).
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gameday::url::Url;

    fn query(below: Option<f64>, above: Option<f64>) -> Query {
        Query {
            url: Url::parse("http://prom:9090/base/").unwrap(),
            query: "rate(errors[1m]) > 0".into(),
            below,
            above,
            headers: Vec::new(),
        }
    }

    #[test]
    fn the_query_is_part_of_the_address() {
        let uri = uri(&query(None, None)).unwrap();
        assert_eq!(
            uri.to_string(),
            "http://prom:9090/base/api/v1/query?query=rate%28errors%5B1m%5D%29%20%3E%200"
        );
    }

    #[test]
    fn scalars_and_vectors_have_values() {
        let scalar = json!({"data": {"resultType": "scalar", "result": [1.5, "0.25"]}});
        assert_eq!(values(&scalar), Ok(vec![0.25]));
        let vector = json!({"data": {"resultType": "vector", "result": [{"value": [1, "1"]}, {"value": [1, "NaN"]}]}});
        assert!(values(&vector).unwrap()[1].is_nan());
        assert!(values(&json!({"data": {"resultType": "matrix", "result": []}})).is_err());
        assert!(values(&json!({"status": "ok"})).is_err());
    }

    #[test]
    fn every_value_must_be_in_bounds() {
        assert_eq!(judge(&query(Some(1.0), None), &[0.2, 0.5]), Ok(Some(0.5)));
        assert_eq!(
            judge(&query(Some(1.0), None), &[0.2, 1.0]),
            Err("1 is not below 1".into())
        );
        assert_eq!(judge(&query(None, Some(2.0)), &[2.5, 3.0]), Ok(Some(2.5)));
        assert_eq!(
            judge(&query(Some(9.0), Some(2.0)), &[2.0]),
            Err("2 is not above 2".into())
        );
        assert!(judge(&query(Some(1.0), None), &[f64::NAN]).is_err());
        assert_eq!(
            judge(&query(Some(1.0), None), &[]),
            Err("the query has no value".into())
        );
    }
}
