//! Where new leads go: pipeline and stage.

use super::{super::CommandError, site::Site};
use crate::crm::amocrm::{Crm, Pipeline};

/// Every pipeline ends with them: won and lost.
const CLOSED: [i64; 2] = [142, 143];

/// `AMOCRM_PIPELINE_ID` and `AMOCRM_STATUS_ID`.
pub async fn pipeline(site: &mut Site<'_>, crm: &Crm, asked_for: bool) -> Result<(), CommandError> {
    let pipelines = crm.pipelines().await?;
    let number = |name: &str| site.value(name).and_then(|value| value.parse::<i64>().ok());
    let (pipeline_there, stage_there) = (number("AMOCRM_PIPELINE_ID"), number("AMOCRM_STATUS_ID"));
    let (flag_pipeline, flag_stage) = (site.flags.pipeline.take(), site.flags.stage.take());
    let main = pipelines.iter().position(|pipeline| pipeline.is_main).unwrap_or(0);
    let chosen = if flag_pipeline.is_some() || flag_stage.is_some() {
        by_flags(site, &pipelines, flag_pipeline, flag_stage)?
    } else {
        let there = pipeline_there.and_then(|id| pipelines.iter().position(|pipeline| pipeline.id == id));
        if pipeline_there.is_some() && there.is_none() {
            site.ask.warn("pipeline-gone", &[("id", &pipeline_there.unwrap_or_default().to_string())]);
        }
        let decided = there.is_some() && !asked_for;
        if decided || !site.ask.interactive || pipelines.is_empty() {
            let shown = there.or((!pipelines.is_empty()).then_some(main)).map(|at| &pipelines[at]);
            let stage = stage_there.and_then(|id| Some(shown?.statuses.iter().find(|stage| stage.0 == id)?.1.clone()));
            let first = || Some(open_stages(shown?).first()?.1.clone());
            let (name, stage) = (shown.map_or("", |shown| &shown.name), stage.or_else(first).unwrap_or_default());
            site.ask.say("pipeline-is", &[("pipeline", name), ("stage", &stage)]);
            return Ok(());
        }
        let names = pipelines.iter().map(|pipeline| pipeline.name.clone()).collect();
        let at = site.ask.choose("pipeline-ask", &[], names, there.unwrap_or(main)).await?;
        let stages = open_stages(&pipelines[at]);
        let names: Vec<String> = stages.iter().map(|stage| stage.1.clone()).collect();
        let usual = stage_there.and_then(|id| stages.iter().position(|stage| stage.0 == id)).unwrap_or(0);
        let stage = match names.is_empty() {
            true => None,
            false => Some(stages[site.ask.choose("stage-ask", &[], names, usual).await?]),
        };
        (&pipelines[at], stage)
    };
    let (pipeline, stage) = chosen;
    let name = stage.map_or("", |stage| stage.1.as_str());
    site.ask.say("pipeline-is", &[("pipeline", &pipeline.name), ("stage", name)]);
    site.ask.say("duplicates-note", &[("pipeline", &pipeline.name)]);
    site.set("AMOCRM_PIPELINE_ID", Some(pipeline.id.to_string()))?;
    site.set("AMOCRM_STATUS_ID", stage.map(|stage| stage.0.to_string()))
}

type Stage<'a> = &'a (i64, String);

/// Stages in which a new lead is not over at once.
fn open_stages(pipeline: &Pipeline) -> Vec<Stage<'_>> {
    pipeline.statuses.iter().filter(|(id, _)| !CLOSED.contains(id)).collect()
}

fn by_flags<'a>(
    site: &Site<'_>,
    pipelines: &'a [Pipeline],
    pipeline: Option<i64>,
    stage: Option<i64>,
) -> Result<(&'a Pipeline, Option<Stage<'a>>), CommandError> {
    let has = |pipeline: &Pipeline| stage.is_none_or(|stage| open_stages(pipeline).iter().any(|one| one.0 == stage));
    let found = match pipeline {
        Some(id) => {
            let found = pipelines.iter().find(|pipeline| pipeline.id == id);
            found.ok_or_else(|| wrong(site, "pipeline-unknown", "--pipeline", id))?
        }
        None => {
            let found = pipelines.iter().find(|pipeline| has(pipeline));
            found.ok_or_else(|| wrong(site, "stage-unknown", "--stage", stage.unwrap_or_default()))?
        }
    };
    if !has(found) {
        return Err(wrong(site, "stage-unknown", "--stage", stage.unwrap_or_default()));
    }
    let stage = stage.and_then(|id| open_stages(found).into_iter().find(|stage| stage.0 == id));
    Ok((found, stage))
}

fn wrong(site: &Site<'_>, text: &str, option: &str, id: i64) -> CommandError {
    CommandError::Wrong(vec![format!("{option} {id}: {}", site.ask.text(text, &[]))])
}
